/** The command `cleansing explain`: its parameters. Its work is loaded when it runs, so that help pages load nothing heavy. */
import { z } from "zod";
import { type Command, command } from "../../runs/method.ts";

export const explainSchema = z.object({
  ranking: z.string().min(1).meta({
    description: "the folder of a finished run of cleansing rank",
    positional: true,
    placeholder: "RUN",
  }),
  row: z.int().min(1).meta({ description: "The training row to explain, as it counts in the file, from 1" }),
  neighbours: z.int().min(1).max(1000).default(10).meta({
    description: "How many of the nearest helpful and harmful training rows are shown",
  }),
});

export type ExplainParameters = z.output<typeof explainSchema>;

export function explainCommand(): Command<typeof explainSchema> {
  return command({
    summary: "Tell why a training row harms or helps: when it mattered, whom it moves, what it is like",
    example: "runs/cleansing-rank-20261124-120000 --row 412",
    parameters: explainSchema,
    async run(parameters, run) {
      const { runExplain } = await import("./run-explain.ts");
      return runExplain(parameters, run);
    },
  });
}
