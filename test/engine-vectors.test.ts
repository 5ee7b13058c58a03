import { describe, expect, test } from "vitest";
import {
  compile,
  grad,
  jvp,
  type NDArray,
  ndarray,
  op,
  specs,
  type Tensor,
  toNumbers,
} from "../src/engine/index.ts";
import { sizeOf } from "../src/engine/shape.ts";
import { callOperation } from "./engine-calls.ts";
import { type EngineCase, families, readEngineCases } from "./engine-vectors.ts";

/** Of the largest number of an array: how far ours may be from PyTorch's in float64. */
const tolerance = 1e-10;

function expectClose(found: NDArray | undefined, expected: readonly number[], what: string): void {
  const numbers = found === undefined ? [] : toNumbers(found);
  expect(numbers.length, what).toBe(expected.length);
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-30);
  const worst = expected.reduce((error, value, i) => {
    const distance = Math.abs((numbers[i] ?? Number.NaN) - value);
    return Number.isNaN(distance) ? Infinity : Math.max(error, distance);
  }, 0);
  expect(worst / scale, `${what}: ${numbers} against ${expected}`).toBeLessThan(tolerance);
}

/** Outputs, gradients and Hessian products of a case, as a function of its inputs and of the vectors. */
function derivatives({ op: name, attributes, weights, gradients }: EngineCase) {
  const differentiated = gradients.flatMap((gradient, i) => (gradient === null ? [] : [i]));
  return (inputs: Tensor[], vectors: Tensor[]) => {
    const withChosen = (chosen: readonly Tensor[]): Tensor[] =>
      inputs.map((input, i) => chosen[differentiated.indexOf(i)] ?? input);
    const loss = (...chosen: Tensor[]): Tensor => {
      const outputs = callOperation(name, withChosen(chosen), attributes);
      return outputs.reduce(
        (total, output, i) => {
          const weight = weights[i];
          if (weight === null || weight === undefined) return total;
          return total.add(op.sum(output.mul(ndarray(weight, output.shape, "float64"))));
        },
        op.zeros([], "float64"),
      );
    };
    const chosen = differentiated.map((i) => inputs[i] as Tensor);
    const slope = (...at: Tensor[]): Tensor[] => [
      ...grad(loss, { argnums: differentiated.map((_, i) => i) })(...at),
    ];
    const outputs = callOperation(name, inputs, attributes);
    if (chosen.length === 0) return { outputs, gradients: [], products: [] };
    const [first, products] = jvp(slope, chosen, vectors);
    return { outputs, gradients: first, products };
  };
}

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

  test("values, gradients and Hessian products are PyTorch's", async () => {
    const inputs = cases.map((entry) =>
      entry.inputs.map(({ dtype, shape, data }) => ndarray(data, shape, dtype)),
    );
    const vectors = cases.map(({ hvp, inputs: arrays }) =>
      hvp.vectors.flatMap((vector, i) =>
        vector === null ? [] : [ndarray(vector, arrays[i]?.shape, "float64")],
      ),
    );
    // One graph for the family: compiling is most of the time.
    const executable = await compile(
      (all: Tensor[][], directions: Tensor[][]) =>
        cases.map((entry, i) => derivatives(entry)(all[i] ?? [], directions[i] ?? [])),
      [specs(inputs), specs(vectors)],
    );
    const found = await executable.run(inputs, vectors);
    for (const [i, { name, outputs, gradients, hvp }] of cases.entries()) {
      for (const [k, { shape, dtype, data }] of outputs.entries()) {
        const output = found[i]?.outputs[k];
        expect(output?.shape, `${name}: shape`).toEqual(shape);
        expect(output?.dtype, `${name}: dtype`).toBe(dtype);
        expectClose(output, data, `${name}: output ${k}`);
      }
      let next = 0;
      for (const [k, gradient] of gradients.entries()) {
        if (gradient === null) continue;
        expectClose(found[i]?.gradients[next], gradient, `${name}: gradient ${k}`);
        expectClose(found[i]?.products[next], hvp.products[k] ?? [], `${name}: Hessian product ${k}`);
        next++;
      }
    }
    await executable.dispose();
  });
});
