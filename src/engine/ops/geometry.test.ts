import fc from "fast-check";
import { test } from "vitest";
import { type Check, distinct, runChecks, uniform } from "../checking.testing.ts";
import type { Tensor } from "../tensor.ts";
import * as op from "./index.ts";

/**
 * Convolutions and pools of random geometry: both derivatives, vmap and float32, as in every other check.
 */

const axis = fc.record({
  kernel: fc.integer({ min: 1, max: 3 }),
  surplus: fc.integer({ min: 0, max: 4 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  padding: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })),
});
const geometry = fc.record({
  axes: fc.array(axis, { minLength: 1, maxLength: 2 }),
  samples: fc.integer({ min: 1, max: 2 }),
  groups: fc.constantFrom(1, 1, 2),
  inputs: fc.integer({ min: 1, max: 2 }),
  outputs: fc.integer({ min: 1, max: 2 }),
});
type Geometry = typeof geometry extends fc.Arbitrary<infer T> ? T : never;

function convolution({ axes, samples, groups, inputs, outputs }: Geometry): Check {
  const kernel = axes.map((a) => a.kernel);
  // As large as the dilated kernel, at least.
  const size = axes.map((a) => (a.kernel - 1) * a.dilation + 1 + a.surplus);
  const options = {
    stride: axes.map((a) => a.stride),
    dilation: axes.map((a) => a.dilation),
    padding: axes.map((a) => a.padding),
    groups,
  };
  return {
    name: `conv of ${size} by ${kernel}, ${JSON.stringify(options)}`,
    f: (x, w) => op.conv(x as Tensor, w as Tensor, options),
    inputs: [
      uniform([samples, inputs * groups, ...size]),
      uniform([outputs * groups, inputs, ...kernel], -1, 1, 4),
    ],
    float32: 1e-5,
  };
}

function transposedConvolution({ axes, samples, groups, inputs, outputs }: Geometry): Check {
  const kernel = axes.map((a) => a.kernel);
  const size = axes.map((a) => 2 + a.surplus);
  const options = {
    stride: axes.map((a) => a.stride),
    dilation: axes.map((a) => a.dilation),
    // Leaves some of the output: it has at least size elements.
    padding: axes.map((a) => Math.min(a.padding[0], Math.floor((a.surplus + 1) / 2))),
    groups,
  };
  return {
    name: `convTranspose of ${size} by ${kernel}, ${JSON.stringify(options)}`,
    f: (x, w) => op.convTranspose(x as Tensor, w as Tensor, options),
    inputs: [
      uniform([samples, inputs * groups, ...size]),
      uniform([inputs * groups, outputs, ...kernel], -1, 1, 4),
    ],
    float32: 1e-5,
  };
}

function pools({ axes, samples, inputs }: Geometry): Check[] {
  const size = axes.map((a) => a.kernel + a.surplus);
  const options = {
    kernel: axes.map((a) => a.kernel),
    stride: axes.map((a) => a.stride),
    // At most half of the window, as the runtime's kernels need.
    padding: axes.map((a) => Math.min(a.padding[0], Math.floor(a.kernel / 2))),
  };
  return [op.maxPool, op.averagePool].map((pool) => ({
    name: `${pool.name} of ${size}, ${JSON.stringify(options)}`,
    f: (x: Tensor) => op.square(pool(x, options)),
    inputs: [distinct([samples, inputs, ...size], samples + inputs)],
    float32: 1e-5,
  }));
}

test("convolutions and pools of random geometry", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(geometry, { minLength: 6, maxLength: 6 }), async (several) => {
      await runChecks(several.flatMap((g) => [convolution(g), transposedConvolution(g), ...pools(g)]));
    }),
    { seed: 20261, numRuns: 4, endOnFailure: true },
  );
});
