/** The options that every command has, in the same form as a command's own parameters. */
import { availableParallelism } from "node:os";
import { z } from "zod";

export const runOptions = z.object({
  seed: z.int().min(0).default(0).meta({ description: "Where all randomness starts" }),
  threads: z
    .int()
    .min(1)
    .max(1024)
    .optional()
    .meta({ description: "The most threads to compute with; all cores when not given" }),
  out: z.string().min(1).optional().meta({
    description: "A new or empty folder for the run; runs/METHOD-COMMAND-TIME when not given",
    placeholder: "DIR",
  }),
  png: z.boolean().optional().meta({ description: "Write every figure as PNG too" }),
});

/** What the command line alone knows: a run's record holds nothing of it. */
export const lineOptions = z.object({
  config: z.string().min(1).optional().meta({
    description: "Parameters from a JSON or YAML file; those on the command line win",
    placeholder: "FILE",
  }),
  resume: z.string().min(1).optional().meta({
    description:
      "Continue the unfinished run in this folder; of the rest --threads, --json and --quiet alone apply",
    placeholder: "DIR",
  }),
  json: z.boolean().default(false).meta({
    description: "Print the result as one JSON object and nothing else",
  }),
  quiet: z.boolean().default(false).meta({ description: "No progress and no notes" }),
});

export type RunOptions = z.output<typeof runOptions>;

/** The number of threads to use when none was asked for. */
export function defaultThreads(): number {
  return availableParallelism();
}
