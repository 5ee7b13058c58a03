/** The command `cleansing curve`: its parameters. Its work is loaded when it runs, so that help pages load nothing heavy. */
import { z } from "zod";
import { type Command, command } from "../../runs/method.ts";
import { dataParameters } from "./data-parameters.ts";
import { rankingNames } from "./rankings.ts";

export const curveSchema = z.object({
  ...dataParameters,
  remove: z.array(z.int().min(1).max(10_000_000)).min(1).default([10, 30, 100, 300]).meta({
    description: "How many rows are deleted",
    placeholder: "N,...",
  }),
  repeats: z.int().min(2).max(1000).default(5).meta({
    description: "Trainings with seeds of their own, for the intervals",
  }),
  against: z
    .array(z.enum(rankingNames))
    .default(["random", "loss", "koh-liang", "tracin"])
    .meta({
      description: `What influence is compared with: ${rankingNames.filter((name) => name !== "influence").join(", ")}; random is always among them`,
      placeholder: "RANKING,...",
    }),
  rounds: z.int().min(1).max(1000).default(1).meta({
    description:
      "Rounds in which the rows are deleted, ranked again by a new training before each; one pass over-shoots where hundreds go",
  }),
  retrain: z.enum(["all", "last-epoch"]).default("all").meta({
    description:
      "Whether the training without the rows starts from its beginning, with batches drawn anew, or goes on from the start of the last epoch, whose batches then lack them",
  }),
});

export type CurveParameters = z.output<typeof curveSchema>;

export function curveCommand(): Command<typeof curveSchema> {
  return command({
    summary: "Delete the most harmful rows, train again, and measure on unseen rows whether it helps",
    example: "adult.csv --label income --remove 10,30,100 --repeats 5",
    parameters: curveSchema,
    async run(parameters, run) {
      const { runCurve } = await import("./run-curve.ts");
      return runCurve(parameters, run);
    },
  });
}
