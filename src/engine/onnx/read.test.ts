import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  AttributeProto_AttributeType,
  FunctionProtoSchema,
  NodeProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from "onnx-buf";
import { describe, expect, test } from "vitest";
import { GraphError } from "../errors.ts";
import { type NDArray, ndarray, toNumbers } from "../ndarray.ts";
import * as op from "../ops/index.ts";
import { compile, spec, specs } from "../runtime/compile.ts";
import type { Tensor } from "../tensor.ts";
import { grad } from "../transforms/grad.ts";
import { vmap } from "../transforms/vmap.ts";
import { arbitrary, runDirectly, type TestGraph, writeGraph, writeModel } from "./models.testing.ts";
import { type OnnxModel, parseOnnx, readOnnx } from "./read.ts";
import { decodeTensor } from "./tensor-data.ts";

const float = (shape: readonly (number | string)[]) => ({ dtype: "float32" as const, shape });

/** What the model computes when it is read and compiled. */
async function run(
  model: OnnxModel,
  inputs: Readonly<Record<string, NDArray>>,
): Promise<Record<string, NDArray>> {
  const executable = await compile(
    (p: Record<string, Tensor>, x: Record<string, Tensor>) => model.apply(p, x),
    [specs(model.parameters as Record<string, NDArray>), specs(inputs as Record<string, NDArray>)],
  );
  const found = await executable.run(
    model.parameters as Record<string, NDArray>,
    inputs as Record<string, NDArray>,
  );
  await executable.dispose();
  return found;
}

/** The reader and ONNX Runtime give the same numbers. */
async function expectAgreement(
  graph: TestGraph,
  inputs: Readonly<Record<string, NDArray>>,
  opset = 17,
): Promise<void> {
  const bytes = writeModel(graph, opset);
  const expected = await runDirectly(bytes, inputs);
  const found = await run(parseOnnx(bytes), inputs);
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  for (const [name, array] of Object.entries(expected)) {
    expect(found[name]?.shape, name).toEqual([...array.shape]);
    const wanted = toNumbers(array);
    for (const [i, value] of toNumbers(found[name] as NDArray).entries())
      expect(value, name).toBeCloseTo(wanted[i] ?? Number.NaN, 5);
  }
}

function message(action: () => unknown): string {
  try {
    action();
  } catch (cause) {
    expect(cause).toBeInstanceOf(GraphError);
    const text = (cause as Error).message;
    expect(text).not.toContain("\n");
    return text;
  }
  throw new Error("nothing was thrown");
}

/** x [batch, 3] times w plus b, its sigmoid. */
const perceptron: TestGraph = {
  nodes: [
    { type: "Gemm", inputs: ["x", "w", "b"], outputs: ["h"], name: "layer" },
    { type: "Mul", inputs: ["h", "scale"], outputs: ["s"] },
    { type: "Sigmoid", inputs: ["s"], outputs: ["y"] },
  ],
  inputs: { x: float(["batch", 3]) },
  initializers: {
    w: arbitrary([3, 2]),
    b: arbitrary([2], "float32", { seed: 2 }),
    scale: ndarray([0.5], []),
  },
  outputs: ["y"],
};

describe("a model", () => {
  const model = parseOnnx(writeModel(perceptron, 17));

  test("has inputs, outputs and parameters; single numbers are constants", () => {
    expect(model.inputs).toEqual([{ name: "x", dtype: "float32", shape: ["batch", 3] }]);
    expect(model.outputs).toEqual(["y"]);
    expect(Object.keys(model.parameters)).toEqual(["w", "b"]);
    const everything = parseOnnx(writeModel(perceptron, 17), { isParameter: () => true });
    expect(Object.keys(everything.parameters)).toEqual(["w", "b", "scale"]);
  });

  test("takes the size of an open axis from the tensors, or from the caller", () => {
    const tensors = (shape: number[]) => ({ x: op.zeros(shape) });
    expect(model.apply(model.parameters, tensors([5, 3])).y?.shape).toEqual([5, 2]);
    expect(model.apply(model.parameters, tensors([7, 3])).y?.shape).toEqual([7, 2]);
    const bound = parseOnnx(writeModel(perceptron, 17), { dimensions: { batch: 8 } });
    expect(bound.inputs[0]?.shape).toEqual([8, 3]);
    expect(message(() => bound.apply(bound.parameters, tensors([5, 3])))).toMatch(
      /input "x": expected float32\[8,3\], got float32\[5,3\]/,
    );
  });

  test("has gradients, and gradients for each example", async () => {
    const loss = (p: Record<string, Tensor>, x: Tensor): Tensor => op.sum(model.forward(p, x));
    const parameters = model.parameters as Record<string, NDArray>;
    const x = arbitrary([4, 3], "float32", { seed: 5 });
    const both = await compile(
      (p: Record<string, Tensor>, batch: Tensor) => [
        grad(loss)(p, batch),
        vmap((row: Tensor) => grad(loss)(p, op.unsqueeze(row, 0)))(batch),
      ],
      [specs(parameters), specs(x)],
    );
    const [whole, each] = (await both.run(parameters, x)) as unknown as Record<string, NDArray>[];
    expect(each?.w?.shape).toEqual([4, 3, 2]);
    const sums = new Array<number>(6).fill(0);
    for (const [i, value] of toNumbers(each?.w as NDArray).entries())
      sums[i % 6] = (sums[i % 6] ?? 0) + value;
    for (const [i, value] of toNumbers(whole?.w as NDArray).entries())
      expect(value).toBeCloseTo(sums[i] ?? Number.NaN, 5);
    // d sum(sigmoid((x w + b) / 2)) / db = sum of s (1 - s) / 2 over the batch.
    const y = (await run(model, { x })).y as NDArray;
    const slopes = [0, 1].map((k) =>
      [0, 1, 2, 3].reduce((total, n) => {
        const s = Number(y.data[2 * n + k]);
        return total + (s * (1 - s)) / 2;
      }, 0),
    );
    for (const [k, value] of toNumbers(whole?.b as NDArray).entries())
      expect(value).toBeCloseTo(slopes[k] ?? Number.NaN, 5);
    await both.dispose();
  });

  test("names what does not fit", () => {
    const p = model.parameters;
    const x = op.zeros([4, 3]);
    const { w, ...rest } = p as Record<string, NDArray>;
    expect(message(() => model.apply(rest, { x }))).toMatch(/parameter "w" is missing/);
    expect(message(() => model.apply({ ...p, v: w as NDArray }, { x }))).toMatch(
      /no parameter "v"; there is "w", "b"/,
    );
    expect(message(() => model.apply({ ...p, w: op.zeros([2, 2]) }, { x }))).toMatch(
      /parameter w: expected float32\[3,2\], got float32\[2,2\]/,
    );
    expect(message(() => model.apply(p, {}))).toMatch(/input "x" is missing/);
    expect(message(() => model.apply(p, { x: op.zeros([4, 2]) }))).toMatch(
      /expected float32\[batch=4,3\]|expected float32\[batch,3\]/,
    );
    expect(message(() => model.forward(p))).toMatch(/0 inputs given, it has 1/);
  });

  test("takes a number as one of the input's dtype", () => {
    const row = parseOnnx(
      writeModel(
        {
          nodes: [{ type: "Gather", inputs: ["x", "i"], outputs: ["y"] }],
          inputs: { x: float([3, 2]), i: { dtype: "int64", shape: [] } },
          outputs: ["y"],
        },
        17,
      ),
    );
    expect(row.apply({}, { x: op.zeros([3, 2]), i: 1 }).y?.shape).toEqual([2]);
    expect(message(() => row.apply({}, { x: op.zeros([3, 2]), i: 0.5 }))).toMatch(
      /input i: 0.5 is not a number of int64/,
    );
  });

  test("is read from a file, whose path the messages name", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fallline-onnx-"));
    const path = join(folder, "perceptron.onnx");
    writeFileSync(path, writeModel(perceptron, 17));
    expect((await readOnnx(path)).outputs).toEqual(["y"]);
    writeFileSync(path, "not a model");
    await expect(readOnnx(path)).rejects.toThrow(path);
    await expect(readOnnx(join(folder, "absent.onnx"))).rejects.toThrow(
      /absent\.onnx: the file cannot be read \(ENOENT\)/,
    );
    rmSync(folder, { recursive: true });
  });
});

describe("shape arithmetic", () => {
  const x = arbitrary([2, 3, 4]);
  const whole = (name: string, values: number[], shape?: number[]) => ({
    [name]: ndarray(values, shape, "int64"),
  });

  test("the flattening that exporters write: Shape, Gather, Unsqueeze, Concat, Reshape", async () => {
    await expectAgreement(
      {
        nodes: [
          { type: "Shape", inputs: ["x"], outputs: ["shape"] },
          { type: "Gather", inputs: ["shape", "zero"], outputs: ["n"], attributes: { axis: 0 } },
          { type: "Unsqueeze", inputs: ["n", "first"], outputs: ["n1"] },
          { type: "Concat", inputs: ["n1", "rest"], outputs: ["target"], attributes: { axis: 0 } },
          { type: "Reshape", inputs: ["x", "target"], outputs: ["y"] },
        ],
        inputs: { x: float(["batch", 3, 4]) },
        initializers: { ...whole("zero", [0], []), ...whole("first", [0]), ...whole("rest", [-1]) },
        outputs: ["y", "target"],
      },
      { x },
    );
  });

  test("the expansion that exporters write: ConstantOfShape, Mul, Equal, Where, Expand", async () => {
    await expectAgreement(
      {
        nodes: [
          {
            type: "ConstantOfShape",
            inputs: ["three"],
            outputs: ["ones"],
            attributes: { value: ndarray([1], [1], "int64") },
          },
          { type: "Mul", inputs: ["ones", "minus"], outputs: ["minuses"] },
          { type: "Equal", inputs: ["wanted", "minuses"], outputs: ["open"] },
          { type: "Where", inputs: ["open", "ones", "wanted"], outputs: ["target"] },
          { type: "Expand", inputs: ["x", "target"], outputs: ["y"] },
        ],
        inputs: { x: float([3, 4]) },
        initializers: { ...whole("three", [3]), ...whole("minus", [-1], []), ...whole("wanted", [2, -1, 4]) },
        outputs: ["y"],
      },
      { x: arbitrary([3, 4]) },
    );
  });

  test("padding as PyTorch writes it: ConstantOfShape, Concat, Reshape, Slice, Transpose, Reshape, Cast, Pad", async () => {
    await expectAgreement(
      {
        nodes: [
          {
            type: "ConstantOfShape",
            inputs: ["four"],
            outputs: ["zeros"],
            attributes: { value: ndarray([0], [1], "int64") },
          },
          { type: "Concat", inputs: ["widths", "zeros"], outputs: ["all"], attributes: { axis: 0 } },
          { type: "Reshape", inputs: ["all", "pairs"], outputs: ["byAxis"] },
          { type: "Slice", inputs: ["byAxis", "last", "beforeAll", "first", "last"], outputs: ["reversed"] },
          { type: "Transpose", inputs: ["reversed"], outputs: ["bySide"], attributes: { perm: [1, 0] } },
          { type: "Reshape", inputs: ["bySide", "last"], outputs: ["flat"] },
          { type: "Cast", inputs: ["flat"], outputs: ["pads"], attributes: { to: 7 } },
          { type: "Pad", inputs: ["x", "pads"], outputs: ["y"], attributes: { mode: "constant" } },
        ],
        inputs: { x: float(["batch", 2, 3, 4]) },
        initializers: {
          ...whole("four", [4]),
          ...whole("widths", [1, 2, 0, 3]),
          ...whole("pairs", [-1, 2]),
          ...whole("last", [-1]),
          ...whole("beforeAll", [-(2 ** 53)]),
          ...whole("first", [0]),
        },
        outputs: ["y"],
      },
      { x: arbitrary([2, 2, 3, 4]) },
    );
  });

  test("halving an axis: Shape, Slice, Div, Cast, Floor, Range, Gather", async () => {
    await expectAgreement(
      {
        nodes: [
          { type: "Shape", inputs: ["x"], outputs: ["shape"] },
          { type: "Slice", inputs: ["shape", "minus", "end", "axis"], outputs: ["last"] },
          { type: "Div", inputs: ["last", "two"], outputs: ["half"] },
          { type: "Cast", inputs: ["half"], outputs: ["halfFloat"], attributes: { to: 1 } },
          { type: "Mul", inputs: ["halfFloat", "factor"], outputs: ["scaled"] },
          { type: "Floor", inputs: ["scaled"], outputs: ["floored"] },
          { type: "Cast", inputs: ["floored"], outputs: ["count"], attributes: { to: 7 } },
          { type: "Squeeze", inputs: ["count"], outputs: ["limit"] },
          { type: "Range", inputs: ["zero", "limit", "one"], outputs: ["places"] },
          { type: "Gather", inputs: ["x", "places"], outputs: ["y"], attributes: { axis: 2 } },
          { type: "ReduceProd", inputs: ["shape"], outputs: ["size"] },
        ],
        inputs: { x: float([2, 3, 4]) },
        initializers: {
          ...whole("minus", [-1]),
          ...whole("end", [2 ** 53]),
          ...whole("axis", [0]),
          ...whole("two", [2]),
          ...whole("zero", [0], []),
          ...whole("one", [1], []),
          factor: ndarray([1.6], [1]),
        },
        outputs: ["y", "size"],
      },
      { x },
    );
  });

  test("a shape that depends on data says so", () => {
    const bytes = writeModel(
      {
        nodes: [{ type: "Reshape", inputs: ["x", "shape"], outputs: ["y"], name: "view" }],
        inputs: { x: float([4]), shape: { dtype: "int64", shape: [2] } },
        outputs: ["y"],
      },
      17,
    );
    const model = parseOnnx(bytes);
    expect(message(() => model.apply({}, { x: op.zeros([4]), shape: op.zeros([2], "int64") }))).toMatch(
      /node "view" \(Reshape\): input 1 \(shape\) must be known when the graph is built/,
    );
    // As a host array it is known.
    const y = model.apply({}, { x: op.zeros([4]), shape: ndarray([2, 2], [2], "int64") }).y;
    expect(y?.shape).toEqual([2, 2]);
  });
});

describe("loops and choices", () => {
  const x = arbitrary([3]);
  const rows = arbitrary([4, 3], "float32", { seed: 3 });

  test("If, known and decided while it runs", async () => {
    const branch = (type: string, name: string) => ({
      graph: writeGraph({ nodes: [{ type, inputs: ["x", "c"], outputs: [name] }], outputs: [name] }),
    });
    for (const flag of [0, 1]) {
      const inputs = { x, flag: ndarray([flag], [], "bool") };
      const graph: TestGraph = {
        nodes: [
          {
            type: "If",
            inputs: ["flag"],
            outputs: ["y"],
            attributes: { then_branch: branch("Add", "a"), else_branch: branch("Mul", "b") },
          },
        ],
        inputs: { x: float([3]), flag: { dtype: "bool", shape: [] } },
        initializers: { c: arbitrary([3], "float32", { seed: 4 }) },
        outputs: ["y"],
      };
      await expectAgreement(graph, inputs);
      const { flag: _, ...open } = graph.inputs ?? {};
      const known = { ...graph, inputs: open, initializers: { ...graph.initializers, flag: inputs.flag } };
      await expectAgreement(known, { x });
    }
  });

  const accumulate = writeGraph({
    nodes: [
      { type: "Cast", inputs: ["i"], outputs: ["f"], attributes: { to: 1 } },
      { type: "Mul", inputs: ["v", "half"], outputs: ["h"] },
      { type: "Add", inputs: ["h", "f"], outputs: ["next"] },
      { type: "Identity", inputs: ["again"], outputs: ["still"] },
      { type: "Add", inputs: ["next", "x"], outputs: ["stacked"] },
    ],
    inputs: {
      i: { dtype: "int64", shape: [] },
      again: { dtype: "bool", shape: [] },
      v: float([3]),
    },
    initializers: { half: ndarray([0.5], []) },
    outputs: ["still", "next", "stacked"],
  });

  test("a Loop that counts, with stacked results; it has a gradient", async () => {
    const graph: TestGraph = {
      nodes: [
        {
          type: "Loop",
          inputs: ["count", "", "x"],
          outputs: ["last", "all"],
          attributes: { body: { graph: accumulate } },
        },
      ],
      inputs: { x: float([3]) },
      initializers: { count: ndarray([4], [], "int64") },
      outputs: ["last", "all"],
    };
    await expectAgreement(graph, { x });
    const model = parseOnnx(writeModel(graph, 17));
    const slope = await compile(
      grad((v: Tensor) => op.sum(model.forward({}, v))),
      [spec([3])],
    );
    expect(toNumbers(await slope.run(x))).toEqual([1 / 16, 1 / 16, 1 / 16]);
    await slope.dispose();
  });

  test.each([
    { name: "a count of 0", count: 0, start: 1 },
    { name: "a condition that is false", count: 4, start: 0 },
  ])("a Loop that does not begin: $name", async ({ count, start }) => {
    await expectAgreement(
      {
        nodes: [
          {
            type: "Loop",
            inputs: ["count", "start", "x"],
            outputs: ["last", "all"],
            attributes: { body: { graph: accumulate } },
          },
        ],
        inputs: { x: float([3]) },
        initializers: { count: ndarray([count], [], "int64"), start: ndarray([start], [], "bool") },
        outputs: ["last", "all"],
      },
      { x },
    );
  });

  test("a Loop that tests a condition", async () => {
    const body = writeGraph({
      nodes: [
        { type: "Add", inputs: ["v", "v"], outputs: ["next"] },
        { type: "ReduceMax", inputs: ["next"], outputs: ["top"], attributes: { keepdims: 0 } },
        { type: "Less", inputs: ["top", "bound"], outputs: ["go"] },
      ],
      inputs: { i: { dtype: "int64", shape: [] }, again: { dtype: "bool", shape: [] }, v: float([3]) },
      outputs: ["go", "next"],
    });
    for (const count of [100, 2]) {
      await expectAgreement(
        {
          nodes: [
            {
              type: "Loop",
              inputs: ["count", "start", "x"],
              outputs: ["last"],
              attributes: { body: { graph: body } },
            },
          ],
          inputs: { x: float([3]), bound: float([]) },
          initializers: { count: ndarray([count], [], "int64"), start: ndarray([1], [], "bool") },
          outputs: ["last"],
        },
        { x: ndarray([1, 0.5, 0.25]), bound: ndarray([30], []) },
      );
    }
  });

  test.each([
    { name: "forwards", attributes: {} },
    { name: "backwards", attributes: { scan_input_directions: [1], scan_output_directions: [1] } },
    { name: "in backwards, out forwards", attributes: { scan_input_directions: [1] } },
    { name: "along other axes", attributes: { scan_input_axes: [1], scan_output_axes: [1] }, turned: true },
  ])("Scan $name", async ({ attributes, turned = false }) => {
    const body = writeGraph({
      nodes: [
        { type: "Mul", inputs: ["v", "row"], outputs: ["product"] },
        { type: "Tanh", inputs: ["product"], outputs: ["next"] },
        { type: "Sub", inputs: ["next", "row"], outputs: ["difference"] },
      ],
      inputs: { v: float([3]), row: float([3]) },
      outputs: ["next", "difference"],
    });
    const sequence = turned ? { ...arbitrary([3, 4], "float32", { seed: 3 }) } : rows;
    await expectAgreement(
      {
        nodes: [
          {
            type: "Scan",
            inputs: ["x", "rows"],
            outputs: ["last", "all"],
            attributes: { body: { graph: body }, num_scan_inputs: 1, ...attributes },
          },
        ],
        inputs: { x: float([3]), rows: float(sequence.shape) },
        outputs: ["last", "all"],
      },
      { x, rows: sequence },
    );
  });

  test("functions that the model defines itself, with attributes handed on", async () => {
    const model: TestGraph = {
      nodes: [
        {
          type: "Leak",
          domain: "own",
          inputs: ["x"],
          outputs: ["y"],
          attributes: { slope: { float: 0.25 } },
        },
      ],
      inputs: { x: float([3]) },
      outputs: ["y"],
    };
    const definition = create(FunctionProtoSchema, {
      name: "Leak",
      domain: "own",
      input: ["a"],
      output: ["c"],
      attribute: ["slope"],
      opsetImport: [{ domain: "", version: 17n }],
      node: [
        create(NodeProtoSchema, {
          opType: "LeakyRelu",
          input: ["a"],
          output: ["b"],
          attribute: [{ name: "alpha", refAttrName: "slope", type: AttributeProto_AttributeType.FLOAT }],
        }),
        create(NodeProtoSchema, { opType: "Neg", input: ["b"], output: ["c"] }),
      ],
    });
    const bytes = writeModel(model, 17, {
      functions: [definition],
      opsetImport: [
        { domain: "", version: 17n },
        { domain: "own", version: 1n },
      ],
    });
    const v = ndarray([-1, 2, -4]);
    expect(toNumbers((await run(parseOnnx(bytes), { x: v })).y as NDArray)).toEqual([0.25, -2, 1]);
    expect(toNumbers((await runDirectly(bytes, { x: v })).y as NDArray)).toEqual([0.25, -2, 1]);
  });
});

describe("functions", () => {
  /** y = body(x), with the attribute `kind` of the function handed on as the attribute `name` of the node. */
  const calling = (node: { opType: string; name: string; type: number }, kind: number, reads = "a") =>
    writeModel(
      {
        nodes: [{ type: "Own", domain: "own", inputs: ["x"], outputs: ["y"], attributes: { kind } }],
        inputs: { x: float([3]) },
        outputs: ["y"],
      },
      17,
      {
        functions: [
          create(FunctionProtoSchema, {
            name: "Own",
            domain: "own",
            input: ["a"],
            output: ["c"],
            attribute: ["kind"],
            opsetImport: [{ domain: "", version: 17n }],
            node: [
              create(NodeProtoSchema, {
                opType: node.opType,
                input: [reads],
                output: ["c"],
                attribute: [{ name: node.name, refAttrName: "kind", type: node.type }],
              }),
            ],
          }),
        ],
        opsetImport: [
          { domain: "", version: 17n },
          { domain: "own", version: 1n },
        ],
      },
    );
  const cast = { opType: "Cast", name: "to", type: AttributeProto_AttributeType.INT };
  const v = ndarray([-1.5, 2, 4]);

  test("hand on attributes that decide whether a node is supported", async () => {
    const bytes = calling(cast, 7);
    expect((await run(parseOnnx(bytes), { x: v })).y).toEqual((await runDirectly(bytes, { x: v })).y);
    const model = parseOnnx(calling(cast, 8));
    expect(message(() => model.apply({}, { x: v }))).toMatch(/\(Cast\): casting to string is not supported/);
  });

  test("that read what nothing makes are refused", () => {
    expect(message(() => parseOnnx(calling(cast, 7, "b")))).toMatch(
      /reads "b", which nothing before it makes/,
    );
  });
});

describe("stored tensors", () => {
  const { FLOAT, DOUBLE, INT32, INT64, UINT8, BOOL, FLOAT16, BFLOAT16, STRING, INT8 } = TensorProto_DataType;
  const tensor = (fields: MessageInitShape<typeof TensorProtoSchema>) =>
    decodeTensor(create(TensorProtoSchema, fields));

  test("are read from the field of their type", () => {
    const dims = [2n];
    expect(tensor({ dims, dataType: FLOAT, floatData: [1.5, 2] })).toEqual(ndarray([1.5, 2]));
    expect(tensor({ dims, dataType: DOUBLE, doubleData: [1.5, 2] })).toEqual(
      ndarray([1.5, 2], [2], "float64"),
    );
    expect(tensor({ dims, dataType: INT64, int64Data: [-1n, 2n ** 60n] }).data).toEqual(
      BigInt64Array.of(-1n, 2n ** 60n),
    );
    expect(tensor({ dims, dataType: INT32, int32Data: [-1, 7] })).toEqual(ndarray([-1, 7], [2], "int32"));
    expect(tensor({ dims, dataType: UINT8, int32Data: [255, 7] })).toEqual(ndarray([255, 7], [2], "uint8"));
    expect(tensor({ dims, dataType: BOOL, int32Data: [1, 0] })).toEqual(ndarray([1, 0], [2], "bool"));
  });

  test("are read from raw little-endian bytes at any offset, of any kind of array", () => {
    const bytes = Buffer.from([9, 0, 0, 128, 63, 0, 0, 0, 192]).subarray(1);
    expect(tensor({ dims: [2n], dataType: FLOAT, rawData: bytes as Uint8Array<ArrayBuffer> })).toEqual(
      ndarray([1, -2]),
    );
  });

  test("half precision becomes float32", () => {
    const half = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x8000];
    const expected = [1, -2, 65504, 2 ** -24, Number.POSITIVE_INFINITY, -0];
    expect([...tensor({ dims: [6n], dataType: FLOAT16, int32Data: half }).data]).toEqual(expected);
    expect(tensor({ dims: [1n], dataType: FLOAT16, int32Data: [0x7e00] }).data[0]).toBeNaN();
    const raw = Uint8Array.from([0x80, 0x3f, 0x40, 0xc0]);
    expect(tensor({ dims: [2n], dataType: BFLOAT16, rawData: raw })).toEqual(ndarray([1, -3]));
  });

  test("must fill their shape, whatever it claims", () => {
    expect(() => tensor({ dims: [2n ** 40n], dataType: FLOAT, rawData: new Uint8Array(8) })).toThrow(
      /needs 1099511627776 elements, 2 are stored/,
    );
    expect(() => tensor({ dims: [2n], dataType: FLOAT, rawData: new Uint8Array(7) })).toThrow(
      /1.75 are stored/,
    );
    expect(() => tensor({ dims: [-2n, -1n], dataType: FLOAT, floatData: [1, 2] })).toThrow(/negative/);
    expect(() => tensor({ dims: [1n], dataType: STRING })).toThrow(/string is not supported/);
    expect(() => tensor({ dims: [1n], dataType: INT8 })).toThrow(/int8 is not supported/);
    expect(() => tensor({ dims: [1n], dataType: 99 })).toThrow(/element type 99 is not supported/);
  });
});

describe("what cannot be read is one error that lists all of it", () => {
  test("operators, their forms, values that nothing makes, other files", () => {
    const bytes = writeModel(
      {
        nodes: [
          { type: "Bernoulli", inputs: ["x"], outputs: ["a"], name: "noise" },
          {
            type: "Resize",
            inputs: ["x", "", "w"],
            outputs: ["b"],
            name: "zoom",
            attributes: { mode: "cubic" },
          },
          {
            type: "TreeEnsembleRegressor",
            domain: "ai.onnx.ml",
            inputs: ["x"],
            outputs: ["c"],
            name: "forest",
          },
          { type: "Add", inputs: ["x", "ghost"], outputs: ["d"], name: "sum" },
          { type: "Cast", inputs: ["x"], outputs: ["e"], name: "narrow", attributes: { to: 3 } },
          { type: "constructor", inputs: ["x"], outputs: ["f"], name: "odd" },
        ],
        inputs: { x: float([3]) },
        outputs: ["a", "nowhere"],
      },
      17,
      {},
    );
    const text = message(() => parseOnnx(bytes, { name: "model.onnx" }));
    expect(text).toMatch(/^readOnnx: model\.onnx: /);
    expect(text).toContain('node "noise" (Bernoulli): the operator is not supported');
    expect(text).toContain('node "zoom" (Resize): mode cubic is not supported');
    expect(text).toContain('node "forest" (ai.onnx.ml.TreeEnsembleRegressor): the operator is not supported');
    expect(text).toContain('node "sum" (Add) reads "ghost", which nothing before it makes');
    expect(text).toContain('node "narrow" (Cast): casting to int8 is not supported');
    expect(text).toContain('node "odd" (constructor): the operator is not supported');
    expect(text).toContain('output "nowhere" is made by no node');
    expect(text).toContain('reads "w"');
  });

  test("data in another file", () => {
    const graph = writeGraph(perceptron);
    const [first] = graph.initializer;
    if (first === undefined) throw new Error("the model has initialisers");
    first.rawData = new Uint8Array();
    first.dataLocation = TensorProto_DataLocation.EXTERNAL;
    first.externalData = [
      { $typeName: "onnx.StringStringEntryProto", key: "location", value: "weights.bin" },
    ];
    const bytes = writeModel(perceptron, 17, { graph });
    expect(message(() => parseOnnx(bytes))).toMatch(
      /^readOnnx: the model: initialiser "w": its data lie in another file \(weights\.bin\); save the model as one file$/,
    );
  });

  test.each([10, 22, 0, -1])("operator set %i", (opset) => {
    expect(message(() => parseOnnx(writeModel(perceptron, opset)))).toContain(
      `the model uses operator set ${opset}; 11 to 21 are supported`,
    );
  });

  test("a fault while the graph is built names the node", () => {
    const bytes = writeModel(
      {
        nodes: [{ type: "MatMul", inputs: ["x", "w"], outputs: ["y"], name: "product" }],
        inputs: { x: float(["n", 4]) },
        initializers: { w: arbitrary([3, 2]) },
        outputs: ["y"],
      },
      17,
    );
    const model = parseOnnx(bytes, { name: "model.onnx" });
    expect(message(() => model.apply(model.parameters, { x: op.zeros([2, 4]) }))).toMatch(
      /^readOnnx: model\.onnx: node "product" \(MatMul\): matmul: the shapes do not fit: \[2,4\] times \[3,2\]/,
    );
  });

  test("dropout that trains", () => {
    const bytes = writeModel(
      {
        nodes: [{ type: "Dropout", inputs: ["x", "ratio", "training"], outputs: ["y"] }],
        inputs: { x: float([3]) },
        initializers: { ratio: ndarray([0.5], []), training: ndarray([1], [], "bool") },
        outputs: ["y"],
      },
      17,
    );
    expect(message(() => parseOnnx(bytes).apply({}, { x: op.zeros([3]) }))).toMatch(
      /randomness is never in a graph/,
    );
  });
});

describe("damaged files", () => {
  const folder = fileURLToPath(new URL("../../../test/vectors/onnx/", import.meta.url));
  const models = readdirSync(folder)
    .filter((file) => file.endsWith(".onnx"))
    .map((file) => new Uint8Array(readFileSync(join(folder, file))))
    .filter(({ length }) => length < 20_000);

  /** Reads and applies the bytes; whatever is wrong with them, it is one {@link GraphError} of one line. */
  function expectModelOrError(bytes: Uint8Array): void {
    try {
      const model = parseOnnx(bytes, { name: "damaged.onnx" });
      const inputs = Object.fromEntries(
        model.inputs.map(({ name, dtype, shape }) => [
          name,
          op.zeros(
            (shape ?? []).map((size) => (typeof size === "number" ? Math.min(size, 1000) : 2)),
            dtype,
          ),
        ]),
      );
      model.apply(model.parameters, inputs);
    } catch (cause) {
      if (!(cause instanceof GraphError)) throw cause;
      expect(cause.message).toMatch(/^readOnnx: damaged\.onnx: /);
    }
  }

  test.each(["", "not a model", "\0\0\0\0", "\x08\x07"])("%j is not a model", (text) => {
    expect(message(() => parseOnnx(new TextEncoder().encode(text), { name: "x.onnx" }))).toMatch(
      /^readOnnx: x\.onnx: it is not an ONNX model/,
    );
  });

  test("graphs nested without end, functions that multiply", () => {
    const lengthDelimited = (field: number, bytes: Uint8Array): Uint8Array => {
      const length: number[] = [];
      for (let rest = bytes.length; ; rest >>>= 7) {
        length.push(rest > 127 ? (rest & 127) | 128 : rest);
        if (rest <= 127) break;
      }
      return Buffer.concat([Uint8Array.of((field << 3) | 2), Uint8Array.from(length), bytes]);
    };
    // GraphProto.node is field 1, NodeProto.attribute 5, AttributeProto.g 6, ModelProto.graph 7.
    let nested: Uint8Array = new Uint8Array();
    for (let depth = 0; depth < 5000; depth++)
      nested = lengthDelimited(1, lengthDelimited(5, lengthDelimited(6, nested)));
    expectModelOrError(lengthDelimited(7, nested));

    const doubling = Array.from({ length: 40 }, (_, i) =>
      create(FunctionProtoSchema, {
        name: `f${i}`,
        domain: "own",
        input: ["a"],
        output: ["c"],
        opsetImport: [
          { domain: "", version: 17n },
          { domain: "own", version: 1n },
        ],
        node: ["b", "c"].map((output, k) =>
          create(NodeProtoSchema, {
            ...(i === 0 ? { opType: "Neg" } : { opType: `f${i - 1}`, domain: "own" }),
            input: [k === 0 ? "a" : "b"],
            output: [output],
          }),
        ),
      }),
    );
    const bytes = writeModel(
      {
        nodes: [{ type: "f39", domain: "own", inputs: ["x"], outputs: ["y"] }],
        inputs: { x: float([3]) },
        outputs: ["y"],
      },
      17,
      { functions: doubling },
    );
    const model = parseOnnx(bytes);
    expect(message(() => model.apply({}, { x: op.zeros([3]) }))).toMatch(/applies more than 500000 nodes/);
  });

  test("truncated anywhere", () => {
    fc.assert(
      fc.property(fc.constantFrom(...models), fc.double({ min: 0, max: 1, noNaN: true }), (bytes, part) =>
        expectModelOrError(bytes.subarray(0, Math.floor(part * bytes.length))),
      ),
      { seed: 1, numRuns: 300 },
    );
  });

  test("with bytes changed, mostly where the structure is", () => {
    const change = fc.record({ place: fc.double({ min: 0, max: 1, noNaN: true }), value: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.constantFrom(...models),
        fc.array(change, { minLength: 1, maxLength: 6 }),
        (bytes, changes) => {
          const damaged = bytes.slice();
          for (const { place, value } of changes) damaged[Math.floor(place ** 3 * bytes.length)] = value;
          expectModelOrError(damaged);
        },
      ),
      { seed: 2, numRuns: 1500 },
    );
  });

  test("bytes without sense", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => expectModelOrError(bytes)),
      { seed: 3, numRuns: 500 },
    );
  });
});
