import { describe, expect, test } from "vitest";
import { type Check, runChecks, uniform } from "../checking.testing.ts";
import * as op from "./index.ts";

type Options = op.ConvolutionOptions & op.ConvolutionTransposeOptions;

const convolutions: readonly (readonly [
  name: string,
  x: readonly number[],
  w: readonly number[],
  options: Options,
])[] = [
  ["1d", [2, 2, 5], [3, 2, 3], { padding: 1 }],
  ["1d, stride with a rest", [1, 2, 6], [2, 2, 2], { stride: 3 }],
  ["1d, dilation", [1, 1, 6], [2, 1, 2], { dilation: 3, padding: [[2, 1]] }],
  ["1d, groups", [2, 4, 4], [2, 2, 2], { groups: 2 }],
  ["2d", [2, 2, 4, 3], [2, 2, 3, 3], { padding: "same" }],
  ["2d, axes differ", [1, 1, 5, 4], [2, 1, 2, 3], { stride: [2, 1], padding: [1, 0], dilation: [2, 1] }],
  ["2d, depthwise", [1, 2, 3, 3], [2, 1, 2, 2], { groups: 2, stride: 2, padding: 1 }],
  ["2d, 1x1", [2, 3, 2, 2], [2, 3, 1, 1], {}],
  ["2d, kernel as large as the input", [1, 2, 3, 3], [2, 2, 3, 3], {}],
  ["2d, no examples", [0, 2, 3, 3], [2, 2, 2, 2], {}],
  ["3d", [1, 1, 2, 3, 3], [2, 1, 2, 2, 2], { stride: [1, 2, 1], padding: [0, 1, 0] }],
];

const transposed: readonly (readonly [
  name: string,
  x: readonly number[],
  w: readonly number[],
  options: Options,
])[] = [
  ["1d", [2, 2, 3], [2, 3, 3], { stride: 2, padding: 1, outputPadding: 1 }],
  ["2d", [1, 2, 2, 3], [2, 2, 3, 3], { stride: 2 }],
  ["2d, groups and dilation", [1, 4, 2, 2], [4, 1, 2, 2], { groups: 2, dilation: 2 }],
  ["2d, axes differ", [1, 1, 2, 2], [1, 2, 2, 3], { stride: [3, 1], padding: [0, 1], outputPadding: [2, 0] }],
  ["3d", [1, 1, 2, 1, 2], [1, 2, 2, 2, 2], { stride: 2 }],
];

describe("convolution", () => {
  test("conv: derivatives, vmap, float32", async () => {
    await runChecks(
      convolutions.map(
        ([name, x, w, options]): Check => ({
          name: `conv ${name}`,
          f: (a, b) => op.conv(a, b, options),
          inputs: [uniform(x, -2, 2, 1), uniform(w, -2, 2, 2)],
        }),
      ),
    );
  });

  test("convTranspose: derivatives, vmap, float32", async () => {
    await runChecks(
      transposed.map(
        ([name, x, w, options]): Check => ({
          name: `convTranspose ${name}`,
          f: (a, b) => op.convTranspose(a, b, options),
          inputs: [uniform(x, -2, 2, 1), uniform(w, -2, 2, 2)],
        }),
      ),
    );
  });

  test("with a bias, and nonlinear in the input", async () => {
    await runChecks([
      {
        name: "conv with a bias",
        f: (x, w, bias) =>
          op.conv(op.tanh(x), w, { bias: bias ?? op.zeros([2], x.dtype), padding: 1, stride: 2 }),
        inputs: [uniform([1, 1, 4, 4]), uniform([2, 1, 3, 3]), uniform([2])],
      },
    ]);
  });

  test("convTranspose is the transpose of conv", async () => {
    const options = { stride: 2, padding: 1 } as const;
    const [x, w, y] = [
      uniform([1, 2, 5, 5], -1, 1, 1),
      uniform([3, 2, 3, 3], -1, 1, 2),
      uniform([1, 3, 3, 3], -1, 1, 3),
    ];
    await runChecks([
      {
        name: "<conv x, y> - <x, convTranspose y>",
        f: (a, b, c) =>
          op.sub(
            op.sum(op.mul(op.conv(a, b, options), c)),
            op.sum(op.mul(a, op.convTranspose(c, b, options))),
          ),
        inputs: [x, w, y],
        derivatives: "none",
        float32: false,
        expected: [[0]],
      },
    ]);
  });

  test("errors", () => {
    const [x, w] = [op.zeros([1, 2, 4, 4]), op.zeros([3, 2, 3, 3])];
    expect(() => op.conv(op.zeros([2, 4]), w)).toThrow(
      /conv: needs x \[N, C, \.\.\.\].*float32\[2,4\].*\(at .*convolution\.test\.ts/,
    );
    expect(() => op.conv(x, op.zeros([3, 1, 3, 3]))).toThrow(
      /channels do not fit: x \[1,2,4,4\], w \[3,1,3,3\], groups 1/,
    );
    expect(() => op.conv(x, w, { stride: 0 })).toThrow(/stride 0 is not a positive integer/);
    expect(() => op.conv(x, w, { stride: [1] })).toThrow(/stride \[1\]/);
    expect(() => op.conv(x, w, { padding: [1] })).toThrow(/padding for 1 axes, there are 2/);
    expect(() => op.conv(x, op.zeros([3, 2, 5, 5]))).toThrow(/the kernel \[5,5\] does not fit/);
    expect(() => op.conv(x, w, { bias: op.zeros([2]) })).toThrow(
      /bias float32\[2\] is not one number for each of 3 channels/,
    );
    expect(() => op.conv(x, op.zeros([3, 2, 3, 3], "float64"))).toThrow(
      /float32\[1,2,4,4\] and float64\[3,2,3,3\]/,
    );
    expect(() => op.convTranspose(x, w)).toThrow(/convTranspose: needs/);
    expect(() => op.convTranspose(x, op.zeros([2, 1, 1, 1]), { padding: 2 })).toThrow(
      /convTranspose: the padding 2 leaves nothing of the output, \[0,0\]/,
    );
    expect(() => op.convTranspose(x, op.zeros([2, 1, 3, 3]), { groups: 0 })).toThrow(/groups 0/);
    expect(() => op.convTranspose(x, op.zeros([2, 1, 3, 3]), { outputPadding: 1 })).toThrow(
      /outputPadding 1 must be smaller/,
    );
  });

  test.each([op.conv, op.convTranspose])("$name names itself and what does not fit", (apply) => {
    const { name } = apply;
    const x = op.zeros([1, 2, 5, 5]);
    const w = op.zeros([2, 2, 3, 3]);
    for (const padding of [-1, 0.5])
      expect(() => apply(x, w, { padding })).toThrow(`${name}: padding ${padding} is not a count`);
    expect(() => apply(x, w, { stride: 0 })).toThrow(`${name}: stride 0 is not a positive integer`);
    for (const groups of [-1, 0, 0.5]) expect(() => apply(x, w, { groups })).toThrow(/groups (-1|0|0\.5)/);
    expect(() => apply(x, w, { bias: op.zeros([3]) })).toThrow(`${name}: bias`);
  });
});
