import { describe, expect, test } from "vitest";
import { sizeOf } from "../src/engine/shape.ts";
import { families, readEngineCases } from "./engine-vectors.ts";

describe.each(families)("engine vectors: %s", (family) => {
  const cases = readEngineCases(family);

  test("every array has the size of its shape, every derivative that of its input", () => {
    for (const { name, inputs, outputs, weights, gradients, hvp } of cases) {
      for (const { shape, data } of [...inputs, ...outputs]) expect(data.length, name).toBe(sizeOf(shape));
      expect(
        weights.map((w) => w?.length),
        name,
      ).toEqual(outputs.map(({ dtype, data }) => (dtype === "float64" ? data.length : undefined)));
      for (const derivative of [gradients, hvp.vectors, hvp.products]) {
        expect(derivative, name).toHaveLength(inputs.length);
        for (const [i, values] of derivative.entries())
          if (values !== null) expect(values.length, name).toBe(inputs[i]?.data.length);
      }
    }
  });

  test("names are unique", () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });
});
