import { type DType, isFloat, type TypedArray } from "./dtype.ts";
import { expectClose, expectEachClose, expectNumbers } from "./expectations.testing.ts";
import { type NDArray, ndarray, toNumbers } from "./ndarray.ts";
import { sum } from "./ops/broadcast.ts";
import { onesLike } from "./ops/constants.ts";
import { add, cast, mul, sub } from "./ops/elementwise.ts";
import { transpose } from "./ops/shape.ts";
import { at, stack } from "./ops/slicing.ts";
import "./ops/methods.ts";
import { type AsArrays, compile, specs } from "./runtime/compile.ts";
import { sizeOf, stridesOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import { grad } from "./transforms/grad.ts";
import { jvp } from "./transforms/jvp.ts";
import { vmap } from "./transforms/vmap.ts";

/**
 * What every operation has to satisfy, checked on examples: derivatives against central differences, forward against
 * reverse mode, vmap against a loop, float32 against float64, transposed inputs. All comparisons of several checks are
 * outputs of one compiled graph, because compiling is most of a test's time.
 */
export interface Check {
  /** What messages call it. */
  readonly name: string;
  readonly f: (...inputs: Tensor[]) => Tensor | readonly Tensor[];
  /** Float inputs are float64 with values that float32 has, too. */
  readonly inputs: readonly NDArray[];
  /** `all` (default), `first` where the second derivative jumps within reach of a difference, or `none`. */
  readonly derivatives?: "all" | "first" | "none";
  /** Which of the float inputs are differentiated; all by default. */
  readonly differentiated?: readonly number[];
  /**
   * How close float32 comes to float64. By default 1e-5, outputs relative to each element, gradients to their largest.
   * A number is that much of the largest in both, for what cancels as sums do; `false` where they cannot be compared.
   */
  readonly float32?: number | false;
  /** Whether vmap applies to every input (default), or the inputs it applies to. */
  readonly batched?: readonly number[];
  /** The values, where they are known. */
  readonly expected?: readonly (readonly number[])[];
}

/** Numbers that are the same in every run: a linear congruential generator (Numerical Recipes). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Uniform float64 numbers of [low, high) with values that float32 has, too. */
export function uniform(shape: readonly number[], low = -2, high = 2, seed = 1): NDArray<"float64"> {
  const draw = generator(seed * 7919 + sizeOf(shape) * 31 + shape.length);
  return ndarray(
    Array.from({ length: sizeOf(shape) }, () => Math.fround(low + (high - low) * draw())),
    shape,
    "float64",
  );
}

/** The numbers rounded to float32. */
export function toFloat32(values: readonly number[]): number[] {
  return values.map(Math.fround);
}

/** Distinct float64 numbers in random order, 0.25 apart: no ties within reach of a difference. */
export function distinct(shape: readonly number[], seed = 1): NDArray<"float64"> {
  const draw = generator(seed);
  const count = sizeOf(shape);
  const keys = Array.from({ length: count }, (_, i) => [draw(), i] as const).sort(([a], [b]) => a - b);
  return ndarray(
    keys.map(([, i]) => (i - count / 2) * 0.25 + 0.0625),
    shape,
    "float64",
  );
}

/** Integers of [low, high). */
export function integers<D extends DType>(
  shape: readonly number[],
  low: number,
  high: number,
  dtype: D,
  seed = 1,
) {
  const draw = generator(seed);
  return ndarray(
    Array.from({ length: sizeOf(shape) }, () => low + Math.floor((high - low) * draw())),
    shape,
    dtype,
  );
}

interface Comparison {
  readonly what: string;
  readonly found: Tensor;
  readonly expected: Tensor;
  /** Allowed distance, as a part of the largest expected number (of 1 where that is smaller). */
  readonly tolerance: number;
  /** Allowed distance as a part of each expected number, instead. */
  readonly relative?: boolean;
}

const step = 2 ** -16;
const members = 3;

/** Runs checks: one graph for each dozen of them. */
export async function runChecks(checks: readonly Check[]): Promise<void> {
  for (let start = 0; start < checks.length; start += 12) await runTogether(checks.slice(start, start + 12));
}

async function runTogether(checks: readonly Check[]): Promise<void> {
  const arguments_ = checks.map((check) => ({
    inputs: [...check.inputs],
    batches: check.inputs.map(batchOf),
    turned: check.inputs.map(transposedArray),
  }));
  const labels: Omit<Comparison, "found" | "expected">[] = [];
  const executable = await compile(
    (all: { inputs: Tensor[]; batches: Tensor[]; turned: Tensor[] }[]) => {
      labels.length = 0;
      return checks.map((check, i) => {
        const given = all[i];
        if (given === undefined) throw new Error("an argument is missing");
        const comparisons = comparisonsOf(check, given.inputs, given.batches, given.turned);
        for (const { found: _, expected: __, what, ...label } of comparisons)
          labels.push({ what: `${check.name}: ${what}`, ...label });
        return {
          pairs: comparisons.map(({ found, expected }) => ({ found, expected })),
          outputs: outputsOf(check, given.inputs),
        };
      });
    },
    [specs(arguments_)],
  );
  const results = await executable.run(arguments_);
  await executable.dispose();
  let next = 0;
  for (const [i, { pairs, outputs }] of results.entries()) {
    for (const { found, expected } of pairs) {
      const label = labels[next++];
      if (label === undefined) continue;
      const { what, tolerance, relative } = label;
      if (relative) expectEachClose(found, expected, tolerance, what);
      else expectClose(found, expected, tolerance, what);
    }
    for (const [k, values] of (checks[i]?.expected ?? []).entries())
      expectNumbers(outputs[k], values, 1e-13, `${checks[i]?.name}: output ${k}`);
  }
}

function outputsOf({ f }: Check, inputs: readonly Tensor[]): Tensor[] {
  const result = f(...inputs);
  return Array.isArray(result) ? [...(result as readonly Tensor[])] : [result as Tensor];
}

function comparisonsOf(
  check: Check,
  inputs: readonly Tensor[],
  batches: readonly Tensor[],
  turned: readonly Tensor[],
): Comparison[] {
  const outputs = outputsOf(check, inputs);
  const transposed = outputsOf(
    check,
    turned.map((tensor) => transpose(tensor)),
  );
  return [
    ...outputs.map((expected, k) => ({
      what: `output ${k} of transposed inputs`,
      found: transposed[k] ?? expected,
      expected,
      tolerance: 1e-13,
    })),
    ...derivativeComparisons(check, inputs),
    ...batchComparisons(check, inputs, batches),
    ...precisionComparisons(check, inputs),
  ];
}

/** The float inputs that are differentiated, by their places. */
function places({ inputs, differentiated, derivatives = "all" }: Check): number[] {
  if (derivatives === "none") return [];
  return inputs.flatMap(({ dtype }, i) =>
    isFloat(dtype) && (differentiated?.includes(i) ?? true) ? [i] : [],
  );
}

/** Fixed numbers of the shape of a tensor. */
function direction(like: Tensor, seed: number): Tensor {
  const draw = generator(seed * 131 + like.size);
  const values = Array.from({ length: like.size }, () => Math.fround(draw() * 2 - 1));
  return cast(onesLike(like), like.dtype).mul(ndarray(values, like.shape, like.dtype));
}

/** The sum of the float outputs, each element with a weight of its own. */
function weighted(outputs: readonly Tensor[]): Tensor | undefined {
  const terms = outputs.flatMap((output, k) =>
    isFloat(output.dtype) ? [sum(mul(output, direction(output, 11 + k)))] : [],
  );
  return terms.length === 0 ? undefined : terms.reduce((total, term) => add(total, term));
}

function derivativeComparisons(check: Check, inputs: readonly Tensor[]): Comparison[] {
  const chosen = places(check);
  if (chosen.length === 0) return [];
  const point = chosen.map((i) => inputs[i] as Tensor);
  const outputsAt = (...moved: readonly Tensor[]): Tensor[] =>
    outputsOf(
      check,
      inputs.map((input, i) => moved[chosen.indexOf(i)] ?? input),
    );
  const floats = (outputs: readonly Tensor[]): Tensor[] => outputs.filter(({ dtype }) => isFloat(dtype));
  const v = point.map((tensor, i) => direction(tensor, 3 + i));
  const moved = (scale: number): Tensor[] =>
    point.map((tensor, i) => add(tensor, mul(v[i] as Tensor, scale)));
  const difference = (f: (...at: Tensor[]) => readonly Tensor[]): Tensor[] => {
    const ahead = f(...moved(step));
    const behind = f(...moved(-step));
    return ahead.map((value, k) => mul(sub(value, behind[k] as Tensor), 1 / (2 * step)));
  };
  const loss = (...at: Tensor[]): Tensor | undefined => weighted(outputsAt(...at));
  if (loss(...point) === undefined) return [];
  const gradient = (...at: Tensor[]): Tensor[] => [
    ...grad((...x: Tensor[]) => loss(...x) as Tensor, { argnums: chosen.map((_, i) => i) })(...at),
  ];
  const [, tangents] = jvp((...x: Tensor[]) => floats(outputsAt(...x)), point, v);
  const slopes = gradient(...point);
  const inner = (a: readonly Tensor[], b: readonly Tensor[]): Tensor =>
    a.map((x, i) => sum(mul(x, b[i] as Tensor))).reduce((total, term) => add(total, term));
  const comparisons: Comparison[] = [
    ...difference((...at) => floats(outputsAt(...at))).map((expected, k) => ({
      what: `jvp of output ${k} against differences`,
      found: tangents[k] as Tensor,
      expected,
      tolerance: 1e-6,
    })),
    {
      what: "<u, Jv> against <J^T u, v>",
      found: weighted(tangents) as Tensor,
      expected: inner(slopes, v),
      tolerance: 1e-11,
    },
  ];
  if ((check.derivatives ?? "all") === "all") {
    const [, curvature] = jvp(gradient, point, v);
    for (const [k, expected] of difference(gradient).entries())
      comparisons.push({
        what: `second derivative of input ${chosen[k]} against differences`,
        found: curvature[k] as Tensor,
        expected,
        tolerance: 1e-6,
      });
    const along = (...at: Tensor[]): Tensor => inner(gradient(...at), v);
    for (const [k, found] of [...grad(along, { argnums: chosen.map((_, i) => i) })(...point)].entries())
      comparisons.push({
        what: `gradient of the gradient against its jvp, input ${chosen[k]}`,
        found,
        expected: curvature[k] as Tensor,
        tolerance: 1e-11,
      });
  }
  return comparisons;
}

/** vmap against a loop over the members, for every combination of batched and shared inputs. */
function batchComparisons(check: Check, inputs: readonly Tensor[], batches: readonly Tensor[]): Comparison[] {
  const candidates = check.batched ?? inputs.map((_, i) => i);
  const comparisons: Comparison[] = [];
  const chosen = places(check);
  const slopes = (...x: Tensor[]): Tensor[] => {
    const loss = (...at: Tensor[]): Tensor => weighted(outputsOf(check, at)) as Tensor;
    return [...grad(loss, { argnums: chosen })(...x)];
  };
  const hasSlopes = chosen.length > 0 && weighted(outputsOf(check, inputs)) !== undefined;
  for (let subset = 1; subset < 2 ** candidates.length; subset++) {
    const mapped = inputs.map((_, i) => {
      const place = candidates.indexOf(i);
      return place !== -1 && (subset >> place) % 2 === 1;
    });
    const inAxes = mapped.map((yes) => (yes ? 0 : null));
    const given = inputs.map((input, i) => (mapped[i] ? (batches[i] as Tensor) : input));
    const functions: [string, (...x: Tensor[]) => Tensor[]][] = [["", (...x) => outputsOf(check, x)]];
    if (hasSlopes) functions.push([" of the gradient", slopes]);
    for (const [which, f] of functions) {
      const found = vmap(f, inAxes)(...given);
      const loop = Array.from({ length: members }, (_, member) =>
        f(...given.map((tensor, i) => (mapped[i] ? at(tensor, member) : tensor))),
      );
      for (const [k, result] of found.entries())
        comparisons.push({
          what: `vmap${which}, output ${k}, over inputs ${mapped.flatMap((yes, i) => (yes ? [i] : []))}`,
          found: result,
          expected: stack(loop.map((outputs) => outputs[k] as Tensor)),
          tolerance: 1e-12,
        });
    }
  }
  return comparisons;
}

function precisionComparisons(check: Check, inputs: readonly Tensor[]): Comparison[] {
  const tolerance = check.float32 ?? 1e-5;
  if (tolerance === false || !check.inputs.some(({ dtype }) => dtype === "float64")) return [];
  const narrow = inputs.map((input) => (input.dtype === "float64" ? cast(input, "float32") : input));
  const chosen = places(check);
  const evaluate = (given: readonly Tensor[]): Tensor[] => {
    const outputs = outputsOf(check, given);
    if (chosen.length === 0 || weighted(outputs) === undefined) return outputs;
    const loss = (...at: Tensor[]): Tensor => weighted(outputsOf(check, at)) as Tensor;
    return [...outputs, ...grad(loss, { argnums: chosen })(...given)];
  };
  const wide = evaluate(inputs);
  const count = outputsOf(check, inputs).length;
  return evaluate(narrow).map((found, k) => {
    const expected = wide[k] as Tensor;
    if (found.dtype !== "float32" && isFloat(found.dtype))
      throw new Error(`${check.name}: float32 became ${found.dtype}`);
    return {
      what: `float32 against float64, result ${k}`,
      found: isFloat(expected.dtype) ? cast(found, "float64") : found,
      expected,
      tolerance,
      relative: check.float32 === undefined && k < count,
    };
  });
}

/** Members of a batch: the elements of an input in other orders, floats also shrunk, so that domains are kept. */
function batchOf({ dtype, shape, data }: NDArray): NDArray {
  const values = toNumbers({ dtype, shape, data } as NDArray);
  const size = values.length;
  const all = Array.from({ length: members }, (_, member) =>
    values.map((_, i) => {
      const value = values[(i + member) % size] ?? 0;
      return isFloat(dtype) ? Math.fround(value * (1 - member / 16)) : value;
    }),
  );
  return ndarray(all.flat(), [members, ...shape], dtype);
}

/** The array whose transpose is the given one. */
export function transposedArray({ dtype, shape, data }: NDArray): NDArray {
  const turned = shape.toReversed();
  const strides = stridesOf(shape).toReversed();
  const out = (data as TypedArray).slice();
  const count = sizeOf(shape);
  for (let i = 0; i < count; i++) {
    let rest = i;
    let from = 0;
    for (let axis = turned.length - 1; axis >= 0; axis--) {
      from += (rest % (turned[axis] ?? 1)) * (strides[axis] ?? 0);
      rest = Math.floor(rest / (turned[axis] ?? 1));
    }
    out[i] = data[from] as never;
  }
  return { dtype, shape: turned, data: out } as NDArray;
}

/** The results of a function of host arrays, which become constants of the graph. */
export async function evaluate<const T>(f: () => T): Promise<AsArrays<T>> {
  const executable = await compile(f, []);
  const results = await executable.run();
  await executable.dispose();
  return results;
}
