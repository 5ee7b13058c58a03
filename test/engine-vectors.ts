import { readFileSync } from "node:fs";
import { z } from "zod";

const numbers = z.array(z.number());
const numbersOrNull = z.array(numbers.nullable());
const array = z.object({
  dtype: z.enum(["float64", "int64", "bool"]),
  shape: z.array(z.int().nonnegative()),
  data: numbers,
});

const file = z.object({
  version: z.object({ torch: z.string(), numpy: z.string(), generator: z.string() }),
  seed: z.int(),
  cases: z.array(
    z.object({
      name: z.string(),
      op: z.string(),
      attributes: z.record(z.string(), z.json()),
      inputs: z.array(array),
      weights: numbersOrNull,
      outputs: z.array(array),
      gradients: numbersOrNull,
      hvp: z.object({ vectors: numbersOrNull, products: numbersOrNull }),
    }),
  ),
});

/** One operation on one set of inputs, with its derivatives; see vectors/README.md. */
export type EngineCase = z.infer<typeof file>["cases"][number];

export const families = [
  "elementwise",
  "reduction",
  "linear",
  "convolution",
  "pooling",
  "shape",
  "network",
  "indexing",
  "transforms",
  "models",
] as const;

/** The cases of one family, from test/vectors/engine. */
export function readEngineCases(family: (typeof families)[number]): EngineCase[] {
  const url = new URL(`./vectors/engine/${family}.json`, import.meta.url);
  return file.parse(JSON.parse(readFileSync(url, "utf8"))).cases;
}
