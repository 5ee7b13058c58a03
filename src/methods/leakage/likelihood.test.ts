import { describe, expect, it } from "vitest";
import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import { compile, spec } from "../../engine/runtime/compile.ts";
import * as tree from "../../engine/tree.ts";
import { randomStream } from "../../numeric/random.ts";
import type { Gradient } from "./defences/defence.ts";
import { applyDefences, parseDefences } from "./defences/parse.ts";
import { misfitOf } from "./likelihood.ts";

const stream = randomStream(4);
const gradientOf = (scale: number): Gradient => ({
  a: ndarray(stream.normal(40, 0, scale), [8, 5], "float64"),
  b: ndarray(stream.normal(6, 0, scale), [6], "float64"),
});
const exact = gradientOf(1);
const other = gradientOf(1);

/** The misfit of a dummy's gradient, given what a client shares of the exact one. */
async function misfit(defence: string, found: Gradient) {
  const plan = parseDefences(defence);
  const shared = await applyDefences(exact, plan.defences, { stream: randomStream(8) });
  const effects = plan.defences.flatMap((each) => each.effects);
  const { of, ...rest } = misfitOf(effects, shared);
  const leaves = (gradient: Gradient) => tree.leaves(gradient) as NDArray[];
  const specs = leaves(shared).map(({ shape }) => spec(shape, "float64"));
  const step = await compile(
    (...tensors) => of(tensors.slice(0, 2), tensors.slice(2)),
    [...specs, ...specs],
    { threads: 1 },
  );
  const value = Number((await step.run(...leaves(found), ...leaves(shared))).data[0]);
  await step.dispose();
  return { value, shared: leaves(shared).flatMap(({ data }) => Array.from(data, Number)), ...rest };
}

const entries = (gradient: Gradient) =>
  (tree.leaves(gradient) as NDArray[]).flatMap(({ data }) => Array.from(data, Number));
const [x, g] = [entries(other), entries(exact)];
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const at = (values: readonly number[], i: number) => values[i] ?? Number.NaN;

describe("misfitOf", () => {
  it("is the squared distance where there is no defence", async () => {
    const { value, isInNats, scale, known } = await misfit("none", other);
    expect(value).toBeCloseTo(sum(x.map((entry, i) => (entry - at(g, i)) ** 2)), 10);
    expect({ isInNats, known }).toEqual({ isInNats: false, known: 46 });
    expect(scale).toBeCloseTo(sum(g.map((entry) => entry ** 2)), 10);
  });

  it("weighs by the errors of noise and of rounding, one after the other", async () => {
    const noisy = await misfit("noise:gaussian:0.1,noise:laplacian:0.2", other);
    expect(noisy.isInNats).toBe(true);
    const variance = 0.1 ** 2 + 2 * 0.2 ** 2;
    expect(noisy.value).toBeCloseTo(
      sum(x.map((entry, i) => (entry - at(noisy.shared, i)) ** 2 / (2 * variance))),
      8,
    );
    const rounded = await misfit("int8", other);
    const step = (from: number, to: number) => Math.max(...g.slice(from, to).map(Math.abs)) / 127;
    const expected = sum(
      x.map((entry, i) => {
        const spacing = i < 40 ? step(0, 40) : step(40, 46);
        return (entry - at(rounded.shared, i)) ** 2 / (2 * (spacing ** 2 / 12));
      }),
    );
    expect(rounded.value / expected).toBeCloseTo(1, 10);
  });

  it("counts entries that were not sent by how much they exceed the smallest that was", async () => {
    const { value, shared, known } = await misfit("prune:0.5", other);
    const bound = (from: number, to: number) =>
      Math.min(
        ...shared
          .slice(from, to)
          .filter((entry) => entry !== 0)
          .map(Math.abs),
      );
    const expected = sum(
      x.map((entry, i) => {
        if (at(shared, i) !== 0) return (entry - at(shared, i)) ** 2;
        return Math.max(0, Math.abs(entry) - (i < 40 ? bound(0, 40) : bound(40, 46))) ** 2;
      }),
    );
    expect(value).toBeCloseTo(expected, 10);
    expect(known).toBe(23);
    expect((await misfit("prune:0.5", exact)).value).toBe(0);
  });

  it("does not see the length of a gradient that was clipped", async () => {
    const twice = tree.map(
      ({ data, shape }: NDArray) =>
        ndarray(
          Float64Array.from(data as Float64Array, (value) => 2 * value),
          shape,
          "float64",
        ),
      exact,
    ) as Gradient;
    expect((await misfit("clip:0.1", twice)).value).toBeLessThan(1e-20);
    const { value } = await misfit("clip:0.1", other);
    const dot = sum(x.map((entry, i) => entry * at(g, i)));
    const cosine = dot / Math.sqrt(sum(x.map((v) => v * v)) * sum(g.map((v) => v * v)));
    expect(value).toBeCloseTo(20 ** 2 * 2 * (1 - cosine), 8);
    expect((await misfit("dp:1:0.01", exact)).isInNats).toBe(true);
  });

  it("is small where signs agree", async () => {
    const [mine, theirs] = [await misfit("sign", exact), await misfit("sign", other)];
    expect(theirs.value).toBeGreaterThan(20 * mine.value);
    const twice = await misfit("sign", { a: other.a ?? {}, b: other.b ?? {} } as Gradient);
    expect(twice.value).toBe(theirs.value);
  });
});
