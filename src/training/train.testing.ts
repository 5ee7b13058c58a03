import { type NDArray, ndarray } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";
import { parameterAt } from "../models/model.ts";
import { randomStream } from "../numeric/random.ts";
import type { TrainableModel } from "./problem.ts";
import type { NamedArrays, NamedTensors } from "./trees.ts";

/** Rows of two noisy classes in `features` dimensions. */
export function twoClasses(rows: number, features: number, seed: number, dtype: "float32" | "float64") {
  const stream = randomStream(seed);
  const direction = stream.normal(features);
  const x = stream.normal(rows * features);
  const noise = stream.normal(rows);
  const y = Array.from({ length: rows }, (_, i) => {
    let along = noise[i] ?? 0;
    for (let k = 0; k < features; k++) along += (x[i * features + k] ?? 0) * (direction[k] ?? 0);
    return along > 0 ? 1 : 0;
  });
  return {
    x: ndarray(x, [rows, features], dtype) as NDArray,
    y: ndarray(y, [rows], "int64") as NDArray,
  };
}

/** tanh, one hidden layer, two classes. */
export function smallMlp(features: number, hidden = 7): TrainableModel {
  return {
    init: (stream, dtype) => ({
      hidden: {
        weight: ndarray(stream.normal(features * hidden, 0, 0.5), [features, hidden], dtype),
        bias: ndarray(new Float64Array(hidden), [hidden], dtype),
      },
      out: {
        weight: ndarray(stream.normal(hidden * 2, 0, 0.5), [hidden, 2], dtype),
        bias: ndarray(new Float64Array(2), [2], dtype),
      },
    }),
    apply(parameters, x, { masks } = {}) {
      const { hidden: first, out } = parameters as Record<string, { weight: Tensor; bias: Tensor }>;
      if (first === undefined || out === undefined) throw new RangeError("no such layer");
      let h = op.tanh(op.matmul(x, first.weight).add(first.bias));
      if (masks?.hidden !== undefined) h = op.dropout(h, masks.hidden as Tensor, { rate: 0.5 });
      return op.matmul(h, out.weight).add(out.bias);
    },
  };
}

/** Batch normalisation with running statistics (momentum 0.1), then a linear layer. */
export function normalizedLinear(features: number): TrainableModel {
  const layer = (parameters: unknown) => parameters as { weight: Tensor; scale: Tensor; shift: Tensor };
  const running = (buffers: NamedTensors = {}) => ({
    mean: parameterAt(buffers, "mean"),
    variance: parameterAt(buffers, "variance"),
  });
  return {
    init: (stream, dtype) => ({
      weight: ndarray(stream.normal(features * 2), [features, 2], dtype),
      scale: ndarray(new Float64Array(features).fill(1), [features], dtype),
      shift: ndarray(new Float64Array(features), [features], dtype),
    }),
    initialBuffers: (dtype) => ({
      mean: ndarray(new Float64Array(features), [features], dtype),
      variance: ndarray(new Float64Array(features).fill(1), [features], dtype),
    }),
    apply(parameters, x, { buffers } = {}) {
      const { weight, scale, shift } = layer(parameters);
      const statistics = running(buffers);
      return op.matmul(op.batchNorm(x, scale, shift, { statistics }).output, weight);
    },
    applyTraining(parameters, buffers, x) {
      const { weight, scale, shift } = layer(parameters);
      const { output, mean, variance } = op.batchNorm(x, scale, shift);
      const before = running(buffers);
      const move = (old: Tensor, now: Tensor): Tensor => old.mul(0.9).add(now.mul(0.1));
      return {
        output: op.matmul(output, weight),
        buffers: { mean: move(before.mean, mean), variance: move(before.variance, variance) },
      };
    },
  };
}

/** The largest difference of two trees of arrays. */
export function largestDifference(a: NamedArrays, b: NamedArrays): number {
  let largest = 0;
  const visit = (left: unknown, right: unknown): void => {
    if (ArrayBuffer.isView(left)) {
      const [p, q] = [left as Float64Array, right as Float64Array];
      for (let i = 0; i < p.length; i++)
        largest = Math.max(largest, Math.abs((p[i] ?? 0) - (q[i] ?? Number.NaN)));
    } else if (typeof left === "object" && left !== null)
      for (const [key, value] of Object.entries(left)) visit(value, (right as Record<string, unknown>)[key]);
  };
  visit(a, b);
  return largest;
}
