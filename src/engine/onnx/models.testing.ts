import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from "onnx-buf";
import * as ort from "onnxruntime-node";
import type { TypedArray } from "../dtype.ts";
import { onnxDType } from "../dtype.ts";
import { type NDArray, ndarray } from "../ndarray.ts";
import type { Spec } from "../tensor.ts";

/** ONNX models written by hand for the tests, and what ONNX Runtime itself makes of them. */

/** Whole numbers are INT, lists of them INTS; others say what they are. */
export type TestAttribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | NDArray
  | { readonly graph: GraphProto };

export interface TestNode {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, TestAttribute>>;
  readonly domain?: string;
  readonly name?: string;
}

export interface TestInput {
  readonly dtype: Spec["dtype"];
  readonly shape: readonly (number | string)[];
}

export interface TestGraph {
  readonly nodes: readonly TestNode[];
  readonly inputs?: Readonly<Record<string, TestInput>>;
  readonly initializers?: Readonly<Record<string, NDArray>>;
  readonly outputs: readonly string[];
}

export function writeGraph({ nodes, inputs = {}, initializers = {}, outputs }: TestGraph): GraphProto {
  return create(GraphProtoSchema, {
    name: "graph",
    node: nodes.map((node) =>
      create(NodeProtoSchema, {
        opType: node.type,
        domain: node.domain ?? "",
        name: node.name ?? "",
        input: [...node.inputs],
        output: [...node.outputs],
        attribute: Object.entries(node.attributes ?? {}).map(([name, value]) => writeAttribute(name, value)),
      }),
    ),
    initializer: Object.entries(initializers).map(([name, array]) => writeTensor(name, array)),
    input: Object.entries(inputs).map(([name, { dtype, shape }]) =>
      create(ValueInfoProtoSchema, {
        name,
        type: {
          value: {
            case: "tensorType",
            value: {
              elemType: onnxDType[dtype],
              shape: {
                dim: shape.map((size) => ({
                  value:
                    typeof size === "number"
                      ? { case: "dimValue" as const, value: BigInt(size) }
                      : { case: "dimParam" as const, value: size },
                })),
              },
            },
          },
        },
      }),
    ),
    output: outputs.map((name) => create(ValueInfoProtoSchema, { name })),
  });
}

/** The bytes of a model of one graph. */
export function writeModel(
  graph: TestGraph,
  opset: number,
  extra: MessageInitShape<typeof ModelProtoSchema> = {},
): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [
        { domain: "", version: BigInt(opset) },
        { domain: "com.microsoft", version: 1n },
      ],
      graph: writeGraph(graph),
      ...extra,
    }),
  );
}

export function writeTensor(name: string, { dtype, shape, data }: NDArray) {
  return create(TensorProtoSchema, {
    name,
    dataType: onnxDType[dtype],
    dims: shape.map(BigInt),
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  });
}

function writeAttribute(name: string, value: TestAttribute) {
  const types = AttributeProto_AttributeType;
  const encode = (text: string) => new TextEncoder().encode(text);
  const make = (fields: MessageInitShape<typeof AttributeProtoSchema>) =>
    create(AttributeProtoSchema, { name, ...fields });
  if (typeof value === "number") return make({ type: types.INT, i: BigInt(value) });
  if (typeof value === "string") return make({ type: types.STRING, s: encode(value) });
  if ("float" in value) return make({ type: types.FLOAT, f: value.float });
  if ("floats" in value) return make({ type: types.FLOATS, floats: [...value.floats] });
  if ("strings" in value) return make({ type: types.STRINGS, strings: value.strings.map(encode) });
  if ("graph" in value) return make({ type: types.GRAPH, g: value.graph });
  if ("dtype" in value) return make({ type: types.TENSOR, t: writeTensor("", value) });
  return make({ type: types.INTS, ints: value.map(BigInt) });
}

/** What ONNX Runtime computes from a file, unoptimised. */
export async function runDirectly(
  bytes: Uint8Array,
  inputs: Readonly<Record<string, NDArray>>,
): Promise<Record<string, NDArray>> {
  const session = await ort.InferenceSession.create(bytes, {
    graphOptimizationLevel: "disabled",
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
  });
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape, data }]) => [
      name,
      new ort.Tensor(dtype, data as ort.Tensor.DataType, shape),
    ]),
  );
  const results = await session.run(feeds);
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { type, dims, data }]) => [
      name,
      { dtype: type, shape: dims, data: data as TypedArray } as NDArray,
    ]),
  );
}

/** Numbers without pattern, the same on every run: between -2 and 2, or whole numbers from 0. */
export function arbitrary(
  shape: readonly number[],
  dtype: Spec["dtype"] = "float32",
  { seed = 1, below = 5 } = {},
): NDArray {
  const size = shape.reduce((a, b) => a * b, 1);
  let state = seed * 2654435761;
  const values = Array.from({ length: size }, () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 374761393) | 0;
    const unit = ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
    if (dtype === "bool") return Number(unit > 0.5);
    return dtype === "float32" || dtype === "float64" ? 4 * unit - 2 : Math.floor(unit * below);
  });
  return ndarray(values, shape, dtype);
}
