/** The command `cleansing import`: its parameters. Its work is loaded when it runs, so that help pages load nothing heavy. */
import { z } from "zod";
import { type Command, command } from "../../runs/method.ts";
import { networkParameters } from "./data-parameters.ts";

export const importSchema = z.object({
  trajectory: z.string().min(1).meta({
    description:
      "the folder of a training that another framework recorded: training.json, states.npy, x.npy and y.npy, and of the data to judge by x-validation.npy and y-validation.npy",
    positional: true,
    placeholder: "FOLDER",
  }),
  ...networkParameters,
  logits: z.int().min(1).max(2).optional().meta({
    description: "Outputs of a named network for two classes: 1 or 2; by default 1 of logistic and mlp",
    group: "Network",
  }),
  top: z.int().min(1).max(100_000).default(50).meta({ description: "The most harmful rows that are shown" }),
  verify: z.int().min(0).max(100_000).default(20).meta({
    description:
      "Rows without which the training is done again, as a proof: half the most harmful, half drawn at random; 0 leaves it out",
  }),
  refine: z.enum(["auto", "yes", "no"]).default("auto").meta({
    description:
      "Whether these rows get a second, corrected prediction; auto: for networks without convolutions",
  }),
});

export type ImportParameters = z.output<typeof importSchema>;

export function importCommand(): Command<typeof importSchema> {
  return command({
    summary: "Rank the rows of a training that another framework recorded",
    example: "recorded-training --model mlp:16",
    parameters: importSchema,
    async run(parameters, run) {
      const { runImport } = await import("./run-import.ts");
      return runImport(parameters, run);
    },
  });
}
