/** A method for tests of the machinery around methods: it sums numbers, slowly where asked. */

import { setTimeout as sleep } from "node:timers/promises";
import { lineY } from "@observablehq/plot";
import { z } from "zod";
import { InputError } from "../data/input-error.ts";
import { pictureOf } from "../data/picture.ts";
import { ndarray } from "../engine/ndarray.ts";
import { type RandomStreamState, resumeRandomStream } from "../numeric/random.ts";
import { command, defineMethod } from "./method.ts";

interface ToyState {
  readonly rows: readonly { step: number; sum: number; remark: string }[];
  readonly draws: Float64Array;
  readonly stream: RandomStreamState;
}

export const toy = defineMethod({
  name: "toy",
  title: "A toy <method> & its run",
  question: "What is the sum of my numbers?",
  source: {
    authors: "A. Author",
    title: "On Sums",
    venue: "Journal of Toys",
    year: 2020,
    arxiv: "2001.00001",
  },
  commands: {
    sum: command({
      summary: "Add numbers up",
      example: "numbers.txt --steps 3",
      parameters: z.object({
        file: z
          .string()
          .meta({ description: "Where the numbers are", positional: true, placeholder: "FILE" }),
        steps: z.int().min(1).max(100).default(3).meta({ description: "How many numbers", unit: "numbers" }),
        stepSize: z.number().gt(0).lte(1).default(0.5).meta({ description: "What to add", unit: "s" }),
        label: z
          .union([z.int().min(0), z.enum(["infer", "joint"])])
          .default("infer")
          .meta({ description: "The label" }),
        shade: z.boolean().default(true).meta({ description: "Whether to shade" }),
        widths: z.array(z.int().min(1)).default([1]).meta({ description: "Widths" }),
        delay: z.number().min(0).default(0).meta({ description: "Pause before each step", unit: "ms" }),
        keep: z.int().min(0).default(0).meta({ description: "Steps between checkpoints; 0 for none" }),
        fault: z
          .enum(["none", "ours", "input", "early input"])
          .default("none")
          .meta({ description: "What goes wrong" }),
      }),
      async run({ file, steps, stepSize, delay, keep, fault }, run) {
        if (fault === "early input") throw new InputError(`${file}: expected numbers, found words`);
        const kept = run.resume<ToyState>();
        const stream = kept === undefined ? run.rng : resumeRandomStream(kept.stream);
        const rows = [...(kept?.rows ?? [])];
        const draws = kept?.draws ?? new Float64Array(steps);
        for (let step = rows.length + 1; step <= steps; step++) {
          draws.set(stream.normal(1), step - 1);
          if (delay > 0) await sleep(delay);
          run.signal.throwIfAborted();
          run.metric("sum", step, step * stepSize);
          run.progress(step, steps, `sum ${step * stepSize}`);
          rows.push({ step, sum: step * stepSize, remark: `<script>"step" ${step}` });
          if (step === 1 && keep > 0) await run.artifact("first.txt", "after the first step");
          if (keep > 0 && step % keep === 0) await run.checkpoint({ rows, draws, stream: stream.state() });
        }
        if (fault === "ours") throw new Error("the sum is wrong");
        if (fault === "input")
          throw new InputError(`${file}: holds no numbers; expected numbers, found words`);
        await run.table("sums", rows, { caption: "Every sum." });
        await run.figure(
          "sums",
          { y: { label: "sum (s)" }, marks: [lineY(rows, { x: "step", y: "sum" })] },
          { caption: "The sum grows & grows." },
        );
        const image = ndarray([0, 1], [1, 1, 2], "float64");
        await run.image("pixels", pictureOf(image, { scale: 2 }), {
          caption: "Pixels.",
          labels: ["a", "<b>"],
        });
        await run.array("pixels", image);
        if (keep > 0) await run.array("draws", ndarray(draws));
        await run.artifact("notes.txt", "plain text");
        run.note("Only a toy <b>.");
        return {
          answer: `The sum is ${steps * stepSize} s.`,
          values: { sum: steps * stepSize, bound: Infinity },
        };
      },
    }),
  },
});
