import { describe, expect, test } from "vitest";
import { type NDArray, ndarray, toNumbers } from "../ndarray.ts";
import { compile, specs } from "../runtime/compile.ts";
import { arbitrary, runDirectly, type TestAttribute, writeModel } from "./models.testing.ts";
import { supportedOperators } from "./operators/table.ts";
import { parseOnnx } from "./read.ts";

/** Every operator in its forms, read and compiled, against ONNX Runtime on the same bytes. */

interface Case {
  readonly type: string;
  /** Operator sets in which this form is valid. */
  readonly opsets: readonly number[];
  /** Data; `null` for an optional input that is left out. */
  readonly inputs: readonly (NDArray | Fixed | null)[];
  readonly attributes?: Readonly<Record<string, TestAttribute>>;
  /** Names of outputs; "" for one that is left out. */
  readonly outputs?: readonly string[];
  readonly domain?: string;
  readonly tolerance?: number;
  readonly note?: string;
}

/** An input that is stored in the file: axes, shapes, bounds. */
interface Fixed {
  readonly fixed: NDArray;
}

function fixed(
  values: readonly number[],
  shape?: readonly number[],
  dtype: NDArray["dtype"] = "int64",
): Fixed {
  return { fixed: ndarray([...values], shape ?? [values.length], dtype) };
}

const float = (value: number): TestAttribute => ({ float: value });
const x = arbitrary([2, 3, 4]);
const y = arbitrary([3, 1], "float32", { seed: 2 });
const positive = ndarray(
  toNumbers(x).map((v) => Math.abs(v) + 0.1),
  [2, 3, 4],
);
const doubles = arbitrary([2, 3, 4], "float64");
const integers = arbitrary([2, 3, 4], "int64", { below: 9 });
const truths = arbitrary([2, 3, 4], "bool");
const image = arbitrary([2, 4, 7, 6]);
const all = [11, 12, 13, 14, 16, 18, 20, 21];
const from = (first: number, last = 21): number[] => all.filter((opset) => opset >= first && opset <= last);
const ends = [11, 21];

const elementwiseCases: Case[] = [
  ...["Neg", "Abs", "Sign", "Exp", "Sin", "Cos", "Tanh", "Erf", "Floor", "Ceil", "Round", "Identity"].map(
    (type): Case => ({ type, opsets: ends, inputs: [x] }),
  ),
  ...["Tan", "Sinh", "Cosh"].map((type): Case => ({ type, opsets: ends, inputs: [x], tolerance: 2e-5 })),
  ...["Neg", "Abs", "Sign", "Identity"].map(
    (type): Case => ({ type, opsets: [13], inputs: [integers], note: "int64" }),
  ),
  ...["Exp", "Tanh", "Sigmoid", "Floor"].map(
    (type): Case => ({ type, opsets: [13], inputs: [doubles], note: "float64" }),
  ),
  ...["Log", "Sqrt", "Reciprocal"].map((type): Case => ({ type, opsets: ends, inputs: [positive] })),
  ...["Add", "Sub", "Mul", "Div"].map((type): Case => ({ type, opsets: [11, 13, 14], inputs: [x, y] })),
  ...["Add", "Sub", "Mul"].map(
    (type): Case => ({ type, opsets: [14], inputs: [integers, arbitrary([4], "int64")], note: "int64" }),
  ),
  { type: "Div", opsets: [14], inputs: [integers, ndarray([3, -2, 5, 1], [4], "int64")] },
  { type: "Pow", opsets: [12, 13, 15], inputs: [positive, y] },
  { type: "Pow", opsets: [13], inputs: [x, fixed([2], [])], note: "integer exponent" },
  { type: "Pow", opsets: [13], inputs: [integers, fixed([2], [])], note: "integers" },
  { type: "Mod", opsets: [11, 13], inputs: [integers, ndarray([3, -2, 5, 4], [4], "int64")] },
  { type: "Mod", opsets: [13], inputs: [x, ndarray([0.7, -0.3, 1.1, 5], [4])], attributes: { fmod: 1 } },
  {
    type: "Mod",
    opsets: [13],
    inputs: [ndarray([5.3, -5.3, 1e6, 7]), ndarray([0.1, 0.1, 0.3, Number.POSITIVE_INFINITY])],
    attributes: { fmod: 1 },
    tolerance: 1e-9,
    note: "quotients that round",
  },
  ...["Max", "Min", "Sum", "Mean"].map(
    (type): Case => ({ type, opsets: [11, 13], inputs: [x, y, arbitrary([4], "float32", { seed: 3 })] }),
  ),
  ...["Equal", "Less", "Greater"].map(
    (type): Case => ({ type, opsets: [11, 13], inputs: [integers, arbitrary([4], "int64", { below: 9 })] }),
  ),
  ...["LessOrEqual", "GreaterOrEqual"].map((type): Case => ({ type, opsets: [12, 16], inputs: [x, y] })),
  { type: "Equal", opsets: [13], inputs: [truths, arbitrary([4], "bool")], note: "bool" },
  ...["And", "Or", "Xor"].map(
    (type): Case => ({ type, opsets: ends, inputs: [truths, arbitrary([4], "bool")] }),
  ),
  { type: "Not", opsets: ends, inputs: [truths] },
  { type: "IsNaN", opsets: [13, 20], inputs: [ndarray([1, Number.NaN, Number.POSITIVE_INFINITY])] },
  {
    type: "IsInf",
    opsets: [11, 20],
    inputs: [ndarray([1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])],
  },
  {
    type: "IsInf",
    opsets: [11],
    inputs: [ndarray([1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])],
    attributes: { detect_negative: 0 },
  },
  { type: "Where", opsets: [11, 16], inputs: [truths, x, y] },
  {
    type: "Clip",
    opsets: [11, 12, 13],
    inputs: [x, fixed([-0.5], [], "float32"), fixed([1], [], "float32")],
  },
  { type: "Clip", opsets: [13], inputs: [x, null, fixed([0.25], [], "float32")], note: "above only" },
  { type: "Clip", opsets: [13], inputs: [x, ndarray([-0.5], [])], note: "bound given at run time" },
  { type: "Clip", opsets: [12], inputs: [integers, fixed([2], []), fixed([6], [])], note: "int64" },
  { type: "Cast", opsets: [11, 13, 19, 21], inputs: [x], attributes: { to: 7 } },
  { type: "Cast", opsets: [13], inputs: [integers], attributes: { to: 1 } },
  { type: "Cast", opsets: [13], inputs: [x], attributes: { to: 11 } },
  { type: "Cast", opsets: [13], inputs: [integers], attributes: { to: 9 } },
  { type: "Sinh", opsets: [11], inputs: [ndarray([1e-6, -1e-4])], tolerance: 1e-10, note: "near 0" },
  { type: "CastLike", opsets: [15, 19], inputs: [x, ndarray([1], [1], "int32")] },
];

const activationCases: Case[] = [
  ...[
    "Relu",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "HardSigmoid",
    "Elu",
    "Selu",
    "LeakyRelu",
    "ThresholdedRelu",
  ].map((type): Case => ({ type, opsets: ends, inputs: [x] })),
  { type: "HardSwish", opsets: [14, 21], inputs: [x] },
  { type: "Mish", opsets: [18], inputs: [x] },
  { type: "Celu", opsets: [12], inputs: [x], attributes: { alpha: float(0.7) } },
  { type: "LeakyRelu", opsets: [11, 16], inputs: [x], attributes: { alpha: float(0.3) } },
  { type: "Elu", opsets: [11], inputs: [x], attributes: { alpha: float(0.3) } },
  { type: "Selu", opsets: [11], inputs: [x], attributes: { alpha: float(1.2), gamma: float(0.9) } },
  { type: "HardSigmoid", opsets: [11], inputs: [x], attributes: { alpha: float(0.4), beta: float(0.3) } },
  { type: "ThresholdedRelu", opsets: [11], inputs: [x], attributes: { alpha: float(0.2) } },
  { type: "PRelu", opsets: [11, 16], inputs: [x, arbitrary([3, 1], "float32", { seed: 5 })] },
  { type: "Shrink", opsets: [11], inputs: [x], attributes: { lambd: float(0.7), bias: float(0.2) } },
  { type: "Gelu", opsets: [20, 21], inputs: [x] },
  { type: "Gelu", opsets: [20], inputs: [x], attributes: { approximate: "tanh" } },
  ...["Softmax", "LogSoftmax", "Hardmax"].flatMap((type): Case[] => [
    { type, opsets: all, inputs: [x] },
    { type, opsets: [11, 12, 13, 18], inputs: [x], attributes: { axis: 1 } },
    { type, opsets: [11, 12, 13], inputs: [x], attributes: { axis: -1 } },
    { type, opsets: [11, 13], inputs: [x], attributes: { axis: 0 } },
  ]),
  { type: "Gelu", domain: "com.microsoft", opsets: [13], inputs: [x] },
  {
    type: "FastGelu",
    domain: "com.microsoft",
    opsets: [13],
    inputs: [x, arbitrary([4], "float32", { seed: 4 })],
  },
  {
    type: "BiasGelu",
    domain: "com.microsoft",
    opsets: [13],
    inputs: [x, arbitrary([4], "float32", { seed: 4 })],
  },
  { type: "QuickGelu", domain: "com.microsoft", opsets: [13], inputs: [x] },
];

const a = arbitrary([3, 5]);
const b = arbitrary([5, 4], "float32", { seed: 2 });
const linearCases: Case[] = [
  { type: "MatMul", opsets: [11, 13], inputs: [a, b] },
  { type: "MatMul", opsets: [13], inputs: [arbitrary([2, 1, 3, 5]), arbitrary([4, 5, 2])] },
  { type: "MatMul", opsets: [13], inputs: [arbitrary([5]), b], note: "vector" },
  { type: "Gemm", opsets: [11, 13], inputs: [a, b] },
  {
    type: "Gemm",
    opsets: [11, 13],
    inputs: [a, b, arbitrary([4])],
    attributes: { alpha: float(0.5), beta: float(2) },
  },
  {
    type: "Gemm",
    opsets: [13],
    inputs: [arbitrary([5, 3]), arbitrary([4, 5]), arbitrary([3, 1])],
    attributes: { transA: 1, transB: 1 },
  },
  {
    type: "Gemm",
    opsets: [13],
    inputs: [a, b, ndarray([Number.NaN, 1, 2, 3])],
    attributes: { beta: float(0) },
    note: "beta 0",
  },
  {
    type: "Einsum",
    opsets: [12],
    inputs: [arbitrary([2, 3, 5]), arbitrary([2, 5, 4])],
    attributes: { equation: "bij,bjk->bik" },
  },
  {
    type: "FusedMatMul",
    domain: "com.microsoft",
    opsets: [13],
    inputs: [arbitrary([2, 5, 3]), arbitrary([2, 5, 4])],
    attributes: { transA: 1, alpha: float(0.5) },
  },
  { type: "Conv", opsets: [11, 21], inputs: [image, arbitrary([6, 4, 3, 3])] },
  {
    type: "Conv",
    opsets: [11],
    inputs: [image, arbitrary([6, 2, 3, 2]), arbitrary([6])],
    attributes: { group: 2, strides: [2, 1], pads: [1, 0, 2, 1], dilations: [1, 2], kernel_shape: [3, 2] },
  },
  {
    type: "Conv",
    opsets: [11],
    inputs: [image, arbitrary([6, 4, 3, 2])],
    attributes: { auto_pad: "SAME_UPPER", strides: [2, 2] },
  },
  {
    type: "Conv",
    opsets: [11],
    inputs: [image, arbitrary([6, 4, 3, 2])],
    attributes: { auto_pad: "SAME_LOWER" },
  },
  { type: "Conv", opsets: [11], inputs: [image, arbitrary([6, 4, 3, 2])], attributes: { auto_pad: "VALID" } },
  {
    type: "Conv",
    opsets: [11],
    inputs: [arbitrary([2, 3, 9]), arbitrary([4, 3, 3])],
    attributes: { pads: [1, 1] },
    note: "one axis",
  },
  {
    type: "Conv",
    opsets: [11],
    inputs: [arbitrary([1, 2, 4, 5, 4]), arbitrary([3, 2, 2, 2, 2])],
    note: "three axes",
  },
  { type: "ConvTranspose", opsets: [11, 21], inputs: [image, arbitrary([4, 3, 3, 3])] },
  {
    type: "ConvTranspose",
    opsets: [11],
    inputs: [image, arbitrary([4, 3, 3, 2]), arbitrary([6])],
    attributes: { group: 2, strides: [2, 3], pads: [1, 0, 1, 1], output_padding: [1, 0], dilations: [2, 1] },
  },
  {
    type: "ConvTranspose",
    opsets: [11],
    inputs: [image, arbitrary([4, 3, 3, 3])],
    attributes: { strides: [2, 2], output_shape: [14, 13] },
  },
  ...["SAME_UPPER", "NOTSET"].map(
    (mode): Case => ({
      type: "ConvTranspose",
      opsets: [11],
      inputs: [image, arbitrary([4, 3, 3, 3])],
      attributes: { strides: [2, 2], output_shape: [16, 14], auto_pad: mode },
      note: "more than the kernel reaches",
    }),
  ),
  {
    type: "ConvTranspose",
    opsets: [11],
    inputs: [image, arbitrary([4, 3, 3, 3])],
    attributes: { strides: [2, 2], auto_pad: "SAME_UPPER" },
  },
];

const reductionNames = [
  "ReduceSum",
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  "ReduceProd",
  "ReduceL1",
  "ReduceL2",
  "ReduceLogSum",
  "ReduceLogSumExp",
  "ReduceSumSquare",
];
const reductionCases: Case[] = reductionNames.flatMap((type): Case[] => {
  const inputSince = type === "ReduceSum" ? 13 : 18;
  return [
    { type, opsets: [11, 13, 18], inputs: [positive], note: "all axes" },
    { type, opsets: from(11, inputSince - 1), inputs: [positive], attributes: { axes: [0, 2], keepdims: 0 } },
    { type, opsets: from(11, inputSince - 1).slice(0, 1), inputs: [positive], attributes: { axes: [-1] } },
    { type, opsets: from(inputSince), inputs: [positive, fixed([0, -1])], attributes: { keepdims: 0 } },
    { type, opsets: [inputSince], inputs: [positive, fixed([1])] },
    {
      type,
      opsets: [inputSince],
      inputs: [positive],
      attributes: { noop_with_empty_axes: 1 },
      note: "no axes",
    },
  ];
});
for (const type of reductionNames) {
  const opsets = type === "ReduceSum" ? [13] : [18];
  reductionCases.push(
    { type, opsets, inputs: [integers, fixed([1])], note: "int64" },
    {
      type,
      opsets,
      inputs: [fixed([2, 3, 5])],
      attributes: { noop_with_empty_axes: 1 },
      note: "known, no axes",
    },
  );
}
reductionCases.push(
  ...["ReduceMax", "ReduceMin"].map(
    (type): Case => ({ type, opsets: [20], inputs: [truths, fixed([1])], note: "bool" }),
  ),
  ...["ArgMax", "ArgMin"].flatMap((type): Case[] => [
    { type, opsets: [11, 13], inputs: [x], attributes: { axis: 1 } },
    { type, opsets: [13], inputs: [x], attributes: { axis: -1, keepdims: 0 } },
    {
      type,
      opsets: [13],
      inputs: [ndarray([1, 3, 3, 0, 0, 3], [2, 3])],
      attributes: { axis: 1, select_last_index: 1 },
    },
  ]),
  { type: "CumSum", opsets: [11, 14], inputs: [x, fixed([1], [])] },
  { type: "CumSum", opsets: [14], inputs: [x, fixed([-1], [])], attributes: { exclusive: 1, reverse: 1 } },
  { type: "TopK", opsets: [11, 21], inputs: [x, fixed([2])], outputs: ["values", "indices"] },
  {
    type: "TopK",
    opsets: [11],
    inputs: [x, fixed([2])],
    attributes: { axis: 1, largest: 0 },
    outputs: ["values", "indices"],
  },
);

const channels = arbitrary([4], "float32", { seed: 3 });
const spread = ndarray([0.5, 1, 2, 0.25]);
const normalizationCases: Case[] = [
  { type: "BatchNormalization", opsets: all, inputs: [image, channels, channels, channels, spread] },
  {
    type: "BatchNormalization",
    opsets: [15],
    inputs: [arbitrary([5, 4]), channels, channels, channels, spread],
    attributes: { epsilon: float(0.01) },
  },
  {
    type: "BatchNormalization",
    opsets: [14, 15],
    inputs: [image, channels, channels, channels, spread],
    attributes: { training_mode: 1, momentum: float(0.7) },
    outputs: ["y", "mean", "variance"],
  },
  { type: "InstanceNormalization", opsets: ends, inputs: [image, channels, channels] },
  {
    type: "GroupNormalization",
    opsets: [18],
    inputs: [image, arbitrary([2]), arbitrary([2])],
    attributes: { num_groups: 2 },
  },
  {
    type: "GroupNormalization",
    opsets: [21],
    inputs: [image, channels, channels],
    attributes: { num_groups: 2 },
  },
  { type: "LayerNormalization", opsets: [17, 21], inputs: [x, arbitrary([4]), arbitrary([4])] },
  {
    type: "LayerNormalization",
    opsets: [17],
    inputs: [x, arbitrary([3, 4])],
    attributes: { axis: 1, epsilon: float(0.1) },
    outputs: ["y", "mean", "inverse"],
  },
  { type: "SimplifiedLayerNormalization", opsets: [17], inputs: [x, arbitrary([4])] },
  { type: "LpNormalization", opsets: [11], inputs: [x], attributes: { axis: 1 } },
  { type: "LpNormalization", opsets: [11], inputs: [x], attributes: { p: 1 } },
  { type: "LpNormalization", opsets: [11], inputs: [ndarray([0, 0, -3, 4], [2, 2])], note: "zeros" },
  {
    type: "LpNormalization",
    opsets: [11],
    inputs: [ndarray([0, 0, -3, 4], [2, 2])],
    attributes: { p: 1 },
    note: "zeros",
  },
  { type: "LRN", opsets: [13], inputs: [image], attributes: { size: 3, alpha: float(0.3) } },
  {
    type: "LRN",
    opsets: [13],
    inputs: [arbitrary([1, 2, 3, 3])],
    attributes: { size: 9, alpha: float(0.3) },
    note: "a window wider than the channels",
  },
  { type: "MeanVarianceNormalization", opsets: [13], inputs: [image] },
  { type: "Dropout", opsets: [11], inputs: [x], attributes: { ratio: float(0.3) } },
  { type: "Dropout", opsets: [12, 13], inputs: [x, fixed([0.3], [], "float32")] },
  { type: "Dropout", opsets: [13], inputs: [x], outputs: ["y", "mask"] },
];

const poolingCases: Case[] = [
  { type: "MaxPool", opsets: [11, 12], inputs: [image], attributes: { kernel_shape: [2, 2] } },
  {
    type: "MaxPool",
    opsets: [12],
    inputs: [image],
    attributes: { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1], dilations: [1, 2] },
  },
  {
    type: "MaxPool",
    opsets: [12],
    inputs: [image],
    attributes: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 },
  },
  {
    type: "MaxPool",
    opsets: [12],
    inputs: [image],
    attributes: { kernel_shape: [3, 3], strides: [2, 2], auto_pad: "SAME_UPPER" },
  },
  {
    type: "MaxPool",
    opsets: [12],
    inputs: [image],
    attributes: { kernel_shape: [3, 3], strides: [2, 1] },
    outputs: ["y", "places"],
  },
  {
    type: "AveragePool",
    opsets: [11, 19],
    inputs: [image],
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
  },
  {
    type: "AveragePool",
    opsets: [11],
    inputs: [image],
    attributes: { kernel_shape: [3, 3], strides: [2, 1], pads: [1, 1, 1, 1] },
  },
  {
    type: "AveragePool",
    opsets: [11],
    inputs: [image],
    attributes: { kernel_shape: [3, 3], pads: [1, 0, 1, 2], count_include_pad: 1 },
  },
  {
    type: "AveragePool",
    opsets: [19],
    inputs: [image],
    attributes: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 },
  },
  {
    type: "AveragePool",
    opsets: [11],
    inputs: [arbitrary([2, 3, 9])],
    attributes: { kernel_shape: [3] },
    note: "one axis",
  },
  { type: "LpPool", opsets: [11], inputs: [image], attributes: { kernel_shape: [2, 2], p: 2 } },
  { type: "GlobalAveragePool", opsets: ends, inputs: [image] },
  { type: "GlobalMaxPool", opsets: ends, inputs: [image] },
  ...["asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners"].flatMap((mode): Case[] => [
    {
      type: "Resize",
      opsets: [11, 13, 19],
      inputs: [image, fixed([], [0], "float32"), fixed([1, 1, 2, 1.7], [4], "float32")],
      attributes: { coordinate_transformation_mode: mode, nearest_mode: "floor" },
    },
    {
      type: "Resize",
      opsets: [13],
      inputs: [image, fixed([], [0], "float32"), fixed([1, 1, 2, 1.5], [4], "float32")],
      attributes: { coordinate_transformation_mode: mode, mode: "linear" },
    },
  ]),
  // In exact arithmetic 10 times float32's 0.7 is below 7, and 3 over float32's 0.6 below 5.
  ...[0.6, 0.7, 1.1].flatMap((scale) =>
    ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"].map(
      (rounding): Case => ({
        type: "Resize",
        opsets: [13],
        inputs: [arbitrary([1, 1, 10, 12]), null, fixed([1, 1, scale, scale], [4], "float32")],
        attributes: { coordinate_transformation_mode: "asymmetric", nearest_mode: rounding },
        note: `scale ${scale}`,
      }),
    ),
  ),
  {
    type: "Resize",
    opsets: [13],
    inputs: [arbitrary([1, 1, 4, 4], "int32", { below: 99 }), null, fixed([1, 1, 2, 2], [4], "float32")],
    attributes: { mode: "linear" },
    note: "int32",
  },
  { type: "Resize", opsets: [13, 19], inputs: [image, null, null, fixed([2, 4, 5, 9])], note: "sizes" },
  {
    type: "Resize",
    opsets: [18],
    inputs: [image, null, null, fixed([5, 9])],
    attributes: { axes: [2, 3], mode: "linear" },
  },
];

const shapeCases: Case[] = [
  { type: "Reshape", opsets: [11, 13, 14], inputs: [x, fixed([0, -1])] },
  { type: "Reshape", opsets: [14], inputs: [arbitrary([0, 4]), fixed([3, 0])], attributes: { allowzero: 1 } },
  { type: "Flatten", opsets: [11, 13], inputs: [x] },
  { type: "Flatten", opsets: [13], inputs: [x], attributes: { axis: -1 } },
  { type: "Flatten", opsets: [13], inputs: [x], attributes: { axis: 0 } },
  { type: "Squeeze", opsets: [11], inputs: [arbitrary([1, 3, 1])], attributes: { axes: [0] } },
  { type: "Squeeze", opsets: [13], inputs: [arbitrary([1, 3, 1]), fixed([-1])] },
  { type: "Squeeze", opsets: [11, 13], inputs: [arbitrary([1, 3, 1])] },
  { type: "Unsqueeze", opsets: [11], inputs: [x], attributes: { axes: [0, 4] } },
  { type: "Unsqueeze", opsets: [13], inputs: [x, fixed([0, -1])] },
  { type: "Transpose", opsets: ends, inputs: [x] },
  { type: "Transpose", opsets: [13], inputs: [x], attributes: { perm: [1, 2, 0] } },
  {
    type: "Transpose",
    opsets: [13],
    inputs: [fixed([1, 2, 3, 4, 5, 6], [1, 2, 3])],
    attributes: { perm: [1, 2, 0] },
    note: "known",
  },
  { type: "Transpose", opsets: [13], inputs: [fixed([1, 2, 3, 4, 5, 6], [2, 3])], note: "known" },
  { type: "Shape", opsets: [11, 13], inputs: [x] },
  { type: "Shape", opsets: [15], inputs: [x], attributes: { start: 1, end: -1 } },
  { type: "Size", opsets: ends, inputs: [x] },
  { type: "Concat", opsets: [11, 13], inputs: [x, arbitrary([2, 1, 4])], attributes: { axis: 1 } },
  { type: "Split", opsets: [11], inputs: [x], attributes: { axis: 2, split: [1, 3] }, outputs: ["p", "q"] },
  { type: "Split", opsets: [13], inputs: [x, fixed([1, 3])], attributes: { axis: -1 }, outputs: ["p", "q"] },
  { type: "Split", opsets: [11, 13], inputs: [x], attributes: { axis: 1 }, outputs: ["p", "q", "r"] },
  {
    type: "Split",
    opsets: [18],
    inputs: [arbitrary([7, 2])],
    attributes: { num_outputs: 3 },
    outputs: ["p", "q", "r"],
  },
  { type: "Slice", opsets: [11, 13], inputs: [x, fixed([1, -3]), fixed([9, -1]), fixed([1, 2])] },
  { type: "Slice", opsets: [13], inputs: [x, fixed([-1]), fixed([-100]), fixed([2]), fixed([-2])] },
  { type: "Slice", opsets: [13], inputs: [x, fixed([0, 1]), fixed([2, 3])], note: "without axes" },
  ...[x, fixed([1, 2, 3, 4, 5, 6], [3, 2])].map(
    (data): Case => ({
      type: "Slice",
      opsets: [13],
      inputs: [data, fixed([-100]), fixed([-200]), fixed([1]), fixed([-1])],
      note: `a start before the first element, of what is ${"fixed" in data ? "known" : "data"}`,
    }),
  ),
  {
    type: "Slice",
    opsets: [13],
    inputs: [
      fixed([1, 2, 3, 4, 5, 6, 7, 8], [2, 4]),
      fixed([-1, 0]),
      fixed([-100, 9]),
      fixed([1, 0]),
      fixed([-2, 1]),
    ],
    note: "of a known matrix",
  },
  { type: "Pad", opsets: [11, 13], inputs: [x, fixed([0, 1, 0, 0, 0, 2])] },
  { type: "Pad", opsets: [13], inputs: [x, fixed([0, 1, -1, 0, 0, 2]), fixed([1.5], [], "float32")] },
  { type: "Pad", opsets: [18], inputs: [x, fixed([1, 2]), null, fixed([-1])] },
  { type: "Pad", opsets: [13], inputs: [x, fixed([0, 1, 2, 0, 2, 3])], attributes: { mode: "reflect" } },
  { type: "Pad", opsets: [13], inputs: [x, fixed([0, 1, 2, 3, 2, 3])], attributes: { mode: "edge" } },
  ...["reflect", "edge"].map(
    (mode): Case => ({
      type: "Pad",
      opsets: [13],
      inputs: [x, fixed([0, -1, 1, 0, 0, 2])],
      attributes: { mode },
      note: "negative",
    }),
  ),
  { type: "Pad", opsets: [19, 21], inputs: [x, fixed([1, 1, 0, 0, 3, 2])], attributes: { mode: "wrap" } },
  { type: "Expand", opsets: [11, 13], inputs: [y, fixed([2, 1, 4])] },
  { type: "Expand", opsets: [13], inputs: [fixed([2.5], [], "float32"), fixed([2, 3])] },
  { type: "Tile", opsets: [11, 13], inputs: [y, fixed([2, 3])] },
  { type: "ConstantOfShape", opsets: ends, inputs: [fixed([2, 3])] },
  {
    type: "ConstantOfShape",
    opsets: [11],
    inputs: [fixed([2, 3])],
    attributes: { value: ndarray([7], [1], "int64") },
  },
  { type: "Range", opsets: [11], inputs: [fixed([1], []), fixed([10], []), fixed([4], [])] },
  {
    type: "Range",
    opsets: [11],
    inputs: [fixed([1], [], "float32"), fixed([0], [], "float32"), fixed([-0.25], [], "float32")],
  },
  { type: "Range", opsets: [11], inputs: [fixed([0], []), fixed([5000], []), fixed([1], [])], note: "long" },
  { type: "Trilu", opsets: [14], inputs: [x] },
  { type: "Trilu", opsets: [14], inputs: [x, fixed([1], [])], attributes: { upper: 0 } },
  { type: "Trilu", opsets: [14], inputs: [truths, fixed([-1], [])], note: "bool" },
  { type: "EyeLike", opsets: [11], inputs: [arbitrary([3, 4])], attributes: { k: 1 } },
  { type: "DepthToSpace", opsets: [11, 13], inputs: [arbitrary([2, 8, 2, 3])], attributes: { blocksize: 2 } },
  {
    type: "DepthToSpace",
    opsets: [13],
    inputs: [arbitrary([2, 8, 2, 3])],
    attributes: { blocksize: 2, mode: "CRD" },
  },
  { type: "SpaceToDepth", opsets: [13], inputs: [arbitrary([2, 2, 4, 6])], attributes: { blocksize: 2 } },
  { type: "Constant", opsets: ends, inputs: [], attributes: { value: x } },
  { type: "Constant", opsets: [12], inputs: [], attributes: { value_float: float(1.5) } },
  { type: "Constant", opsets: [12], inputs: [], attributes: { value_int: 3 } },
  { type: "Constant", opsets: [12], inputs: [], attributes: { value_ints: [3, 4] } },
  { type: "Constant", opsets: [12], inputs: [], attributes: { value_floats: { floats: [3, 4.5] } } },
];

const rows = ndarray([1, -1, 0, 0], [2, 2], "int64");
const indexingCases: Case[] = [
  { type: "Gather", opsets: [11, 13], inputs: [x, rows] },
  { type: "Gather", opsets: [13], inputs: [x, rows], attributes: { axis: -1 } },
  {
    type: "GatherElements",
    opsets: [11, 13],
    inputs: [arbitrary([3, 3]), ndarray([1, -1, 0, 2], [2, 2], "int64")],
    attributes: { axis: 1 },
  },
  { type: "GatherND", opsets: [11, 13], inputs: [x, ndarray([0, 1, 1, -1], [2, 2], "int64")] },
  {
    type: "GatherND",
    opsets: [12],
    inputs: [x, ndarray([1, -1], [2, 1], "int64")],
    attributes: { batch_dims: 1 },
  },
  {
    type: "ScatterElements",
    opsets: [11, 16],
    inputs: [
      arbitrary([3, 3]),
      ndarray([1, 0, 2, 2], [2, 2], "int64"),
      arbitrary([2, 2], "float32", { seed: 9 }),
    ],
  },
  {
    type: "ScatterElements",
    opsets: [16],
    inputs: [
      arbitrary([3, 3]),
      ndarray([1, 1, -1, 2], [2, 2], "int64"),
      arbitrary([2, 2], "float32", { seed: 9 }),
    ],
    attributes: { axis: 1, reduction: "add" },
  },
  {
    type: "ScatterElements",
    opsets: [16],
    inputs: [truths, ndarray([1, -1], [1, 1, 2], "int64"), ndarray([1, 0], [1, 1, 2], "bool")],
    attributes: { axis: 2 },
    note: "bool",
  },
  {
    type: "ScatterND",
    opsets: [11, 16],
    inputs: [x, ndarray([0, 1, 1, -1], [2, 2], "int64"), arbitrary([2, 4], "float32", { seed: 9 })],
  },
  {
    type: "ScatterND",
    opsets: [16],
    inputs: [
      arbitrary([5, 2]),
      ndarray([3, 1, 3], [3, 1], "int64"),
      arbitrary([3, 2], "float32", { seed: 9 }),
    ],
    attributes: { reduction: "add" },
  },
  { type: "OneHot", opsets: [11], inputs: [rows, fixed([3], []), fixed([-1, 5], [2], "float32")] },
  { type: "OneHot", opsets: [11], inputs: [rows, fixed([3]), fixed([0, 1])], attributes: { axis: 0 } },
  { type: "NonZero", opsets: [13], inputs: [fixed([0, 3, 5, 0, 2, 0], [2, 3])] },
  { type: "NonZero", opsets: [13], inputs: [fixed([3], [])], note: "one number" },
];

const transformCases: Case[] = [
  { type: "DFT", opsets: [17], inputs: [arbitrary([2, 8, 2])], attributes: { axis: 1 } },
  {
    type: "DFT",
    opsets: [17],
    inputs: [arbitrary([2, 8, 1]), fixed([6], [])],
    attributes: { axis: 1, onesided: 1 },
  },
  {
    type: "DFT",
    opsets: [20],
    inputs: [arbitrary([2, 8, 2]), null, fixed([1], [])],
    attributes: { inverse: 1 },
  },
];

const sequence = arbitrary([5, 2, 3]);
const recurrentCases: Case[] = [
  ...(["RNN", "GRU", "LSTM"] as const).flatMap((type): Case[] => {
    const width = { RNN: 1, GRU: 3, LSTM: 4 }[type] * 4;
    const names = type === "LSTM" ? ["y", "h", "c"] : ["y", "h"];
    const weights = (directions: number) => [
      arbitrary([directions, width, 3], "float32", { seed: 2 }),
      arbitrary([directions, width, 4], "float32", { seed: 3 }),
    ];
    const states = Array.from({ length: names.length - 1 }, (_, i) =>
      arbitrary([2, 2, 4], "float32", { seed: 5 + i }),
    );
    const bias = arbitrary([2, 2 * width], "float32", { seed: 4 });
    const direction = "bidirectional";
    return [
      {
        type,
        opsets: [11, 14, 21],
        inputs: [sequence, ...weights(1)],
        attributes: { hidden_size: 4 },
        outputs: names,
      },
      {
        type,
        opsets: [14],
        inputs: [sequence, ...weights(1)],
        attributes: { hidden_size: 4, direction: "reverse" },
        outputs: names,
      },
      {
        type,
        opsets: [14],
        inputs: [sequence, ...weights(2), bias, null, ...states],
        attributes: { hidden_size: 4, direction },
        outputs: names,
      },
    ];
  }),
  {
    type: "GRU",
    opsets: [14],
    inputs: [sequence, arbitrary([1, 12, 3]), arbitrary([1, 12, 4]), arbitrary([1, 24])],
    attributes: { hidden_size: 4, linear_before_reset: 1 },
    outputs: ["y", "h"],
  },
  {
    type: "RNN",
    opsets: [14],
    inputs: [sequence, arbitrary([1, 4, 3]), arbitrary([1, 4, 4])],
    attributes: { hidden_size: 4, activations: { strings: ["Relu"] } },
    outputs: ["y", "h"],
  },
  {
    type: "LSTM",
    opsets: [14],
    inputs: [
      sequence,
      arbitrary([1, 16, 3]),
      arbitrary([1, 16, 4]),
      null,
      null,
      null,
      null,
      arbitrary([1, 12]),
    ],
    attributes: { hidden_size: 4 },
    outputs: ["y", "h", "c"],
    note: "peepholes",
  },
];

const cases: readonly Case[] = [
  ...recurrentCases,
  ...elementwiseCases,
  ...activationCases,
  ...linearCases,
  ...reductionCases,
  ...normalizationCases,
  ...poolingCases,
  ...shapeCases,
  ...indexingCases,
  ...transformCases,
];

function isFixed(input: NDArray | Fixed): input is Fixed {
  return "fixed" in input;
}

function expectClose(found: NDArray, expected: NDArray, tolerance: number): void {
  expect(found.dtype).toBe(expected.dtype);
  expect(found.shape).toEqual([...expected.shape]);
  const wanted = toNumbers(expected);
  for (const [i, value] of toNumbers(found).entries()) {
    const other = wanted[i] ?? Number.NaN;
    if (Object.is(value, other) || value === other) continue;
    expect(Math.abs(value - other)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(other)));
  }
}

const variants = cases.flatMap((one) =>
  one.opsets.map((opset) => {
    const attributes = JSON.stringify(one.attributes ?? {}, (_, value) => (value?.data ? "array" : value));
    return { name: `${one.type} ${opset} ${one.note ?? ""} ${attributes}`, opset, one };
  }),
);

describe("operators agree with ONNX Runtime", () => {
  test.each(variants)("$name", async ({ opset, one }) => {
    const inputs: Record<string, NDArray> = {};
    const initializers: Record<string, NDArray> = {};
    const names = one.inputs.map((input, i) => {
      if (input === null) return "";
      if (isFixed(input)) initializers[`in${i}`] = input.fixed;
      else inputs[`in${i}`] = input;
      return `in${i}`;
    });
    const outputs = one.outputs ?? ["out"];
    const bytes = writeModel(
      {
        nodes: [
          {
            type: one.type,
            inputs: names,
            outputs,
            ...(one.attributes && { attributes: one.attributes }),
            ...(one.domain && { domain: one.domain }),
          },
        ],
        inputs,
        initializers,
        outputs: outputs.filter((name) => name !== ""),
      },
      opset,
    );
    const expected = await runDirectly(bytes, inputs);
    expect(Object.keys(expected)).toEqual(outputs.filter((name) => name !== ""));
    const model = parseOnnx(bytes, { name: one.type });
    const run = await compile(
      (p: Parameters<typeof model.apply>[0], v: Parameters<typeof model.apply>[1]) => model.apply(p, v),
      [specs(model.parameters), specs(inputs)],
    );
    const found = await run.run(model.parameters, inputs);
    await run.dispose();
    for (const [name, array] of Object.entries(expected))
      expectClose(found[name] as NDArray, array, one.tolerance ?? 1e-5);
  });

  test("every operator of the reader is among the cases or in another test", () => {
    const elsewhere = new Set(["If", "Loop", "Scan"]);
    const covered = new Set(cases.map(({ type, domain = "" }) => `${domain}:${type}`));
    const missing = Object.entries(supportedOperators()).flatMap(([domain, types]) =>
      types.filter((type) => !covered.has(`${domain}:${type}`) && !elsewhere.has(type)),
    );
    expect(missing).toEqual([]);
  });
});
