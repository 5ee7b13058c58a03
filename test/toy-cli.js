// The command line with a method made for tests, on the built package: what a user's process sees.
import { z } from "zod";
import { main } from "../dist/cli/main.js";
import { InputError } from "../dist/data/input-error.js";
import { ndarray } from "../dist/engine/index.js";
import { resumeRandomStream } from "../dist/numeric/random.js";
import { command, defineMethod } from "../dist/runs/method.js";

const toy = defineMethod({
  name: "toy",
  title: "A toy",
  question: "What is the sum of my numbers?",
  source: { authors: "A. Author", title: "On Sums", venue: "Journal of Toys", year: 2020 },
  commands: {
    sum: command({
      summary: "Add numbers up",
      example: "numbers.txt --steps 3",
      parameters: z.object({
        file: z.string().meta({ description: "a file of numbers", positional: true, placeholder: "FILE" }),
        steps: z.int().min(1).max(1000).default(3).meta({ description: "How many numbers", unit: "numbers" }),
        stepSize: z.number().gt(0).max(1).default(0.5).meta({ description: "What to add", unit: "s" }),
        label: z
          .union([z.int().min(0), z.enum(["infer", "joint"])])
          .default("infer")
          .meta({ description: "The label", placeholder: "N|infer|joint" }),
        shade: z.boolean().default(true).meta({ description: "Leave the shade out" }),
        delay: z.number().min(0).default(0).meta({ description: "Pause before each step", unit: "ms" }),
        keep: z.int().min(0).default(1).meta({ description: "Steps between checkpoints", group: "Safety" }),
        fault: z.enum(["none", "ours", "input"]).default("none").meta({ description: "What goes wrong" }),
      }),
      async run(parameters, run) {
        const { file, steps, stepSize, delay, keep, fault } = parameters;
        run.note("Only a toy.");
        const kept = run.resume();
        const draws = kept?.draws ?? new Float64Array(steps);
        const stream = kept === undefined ? run.rng : resumeRandomStream(kept.stream);
        for (let step = (kept?.step ?? 0) + 1; step <= steps; step++) {
          draws.set(stream.normal(1), step - 1);
          await new Promise((resolve) => setTimeout(resolve, delay));
          run.signal.throwIfAborted();
          run.metric("sum", step, step * stepSize);
          run.progress(step, steps, `sum ${step * stepSize}`);
          if (keep > 0 && step % keep === 0) await run.checkpoint({ step, draws, stream: stream.state() });
        }
        if (fault === "ours") throw new Error("the sum is wrong");
        if (fault === "input") throw new InputError(`${file}: expected numbers, found words`);
        const points = Array.from(draws, (draw, step) => ({ step, draw }));
        const { dot } = await import("@observablehq/plot");
        if (steps < 10) await run.figure("draws", { marks: [dot(points, { x: "step", y: "draw" })] });
        await run.array("draws", ndarray(draws));
        await run.table(
          "draws",
          Array.from(draws, (draw, step) => ({ step, draw })),
        );
        return { answer: `The sum is ${steps * stepSize} s.`, values: { sum: steps * stepSize, parameters } };
      },
    }),
  },
});

process.exitCode = await main(process.argv.slice(2), { methods: [toy] });
