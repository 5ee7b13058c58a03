/** The command `cleansing rank`: its parameters. Its work is loaded when it runs, so that help pages load nothing heavy. */
import { z } from "zod";
import { type Command, command } from "../../runs/method.ts";
import { dataParameters } from "./data-parameters.ts";

export const rankSchema = z.object({
  ...dataParameters,
  top: z.int().min(1).max(100_000).default(50).meta({
    description: "The most harmful rows that are shown with their values",
  }),
  verify: z.int().min(0).max(100_000).default(20).meta({
    description:
      "Rows without which the training is done again, as a proof: half the most harmful, half drawn at random; 0 leaves it out",
  }),
  refine: z.enum(["auto", "yes", "no"]).default("auto").meta({
    description:
      "Whether the rows of --top and --verify get a second, corrected prediction, at the cost of about a training for each; auto: for networks without convolutions",
  }),
  groups: z.string().min(1).optional().meta({
    description:
      "A column whose values are groups of rows, such as their source: scores are added up for each, and the outermost groups retrained without",
    placeholder: "COLUMN",
  }),
  query: z.string().min(1).default("validation").meta({
    description:
      "Whose loss is to fall: validation, or row:N for one row of the file that does not train (N counts from 1)",
    placeholder: "validation|row:N",
  }),
  record: z.string().min(1).default("auto").meta({
    description:
      "Which states of the training are stored, the others computed again: all, every:K, sqrt, log, last-epochs:K (then only these epochs count); auto is all up to 512 MiB, else sqrt",
    placeholder: "WHICH",
  }),
  orders: z.int().min(0).max(1000).default(4).meta({
    description:
      "Trainings with other orders of the batches, for how much these alone move the loss; 0 or 1 leaves it out",
  }),
});

export type RankParameters = z.output<typeof rankSchema>;

export function rankCommand(): Command<typeof rankSchema> {
  return command({
    summary: "Rank training rows by the harm they do, with proof by retraining",
    example: "adult.csv --label income --verify 20",
    parameters: rankSchema,
    async run(parameters, run) {
      const { runRank } = await import("./run-rank.ts");
      return runRank(parameters, run);
    },
  });
}
