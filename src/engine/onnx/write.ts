import { create, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { type DType, onnxDType } from "../dtype.ts";
import { TensorMap, topologicalOrder } from "../graph.ts";
import { type NDArray, ndarray } from "../ndarray.ts";
import { type EmittedGraph, type Emitter, type OnnxAttribute, type Spec, Tensor } from "../tensor.ts";

/** Operator set and format version of what is written: the newest that the runtimes in use agree on. */
export const opset = 21;
const irVersion = 10n;

/** A tensor with a name at the boundary of a graph. */
export interface Named {
  readonly name: string;
  readonly tensor: Tensor;
}

/**
 * An ONNX model of a graph: a standard file that any ONNX tool opens.
 *
 * @param inputs the graph's parameters
 * @param outputs what it computes
 */
export function writeOnnx(inputs: readonly Named[], outputs: readonly Named[]): Uint8Array {
  const graph = writeGraph("fallline", inputs, [], outputs, names());
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion,
      producerName: "fallline",
      opsetImport: [
        { domain: "", version: BigInt(opset) },
        ...[...domainsOf(graph)].map((domain) => ({ domain, version: 1n })),
      ],
      graph,
    }),
  );
}

/** The domains of operators that are not ONNX's own, bodies included. */
function domainsOf(graph: GraphProto): Set<string> {
  const domains = new Set<string>();
  for (const { domain, attribute } of graph.node) {
    if (domain !== "") domains.add(domain);
    for (const { g } of attribute) if (g) for (const inner of domainsOf(g)) domains.add(inner);
  }
  return domains;
}

/** Names for values, never the same twice. */
type FreshName = (hint: string) => string;

function names(): FreshName {
  let count = 0;
  return (hint) => `${hint}_${count++}`;
}

function writeGraph(
  name: string,
  inputs: readonly Named[],
  captured: readonly (readonly [Tensor, string])[],
  outputs: readonly Named[],
  fresh: FreshName,
): GraphProto {
  const nodes: ReturnType<typeof writeNode>[] = [];
  const initializers: TensorProto[] = [];
  const constants = new Map<string, string>();
  const values = new TensorMap<string>();
  for (const { name: value, tensor } of inputs) values.set(tensor, value);
  for (const [parameter, value] of captured) values.set(parameter, value);

  const order = topologicalOrder(outputs.map(({ tensor }) => tensor));
  const read = new TensorMap<true>();
  for (const node of order) for (const input of node.inputs) read.set(input, true);
  for (const { tensor } of outputs) read.set(tensor, true);

  const initializer = (array: NDArray): string => {
    const small = array.data.length <= 16;
    const key = small ? `${array.dtype} ${array.shape.join(",")} ${describeElements(array)}` : undefined;
    const known = key === undefined ? undefined : constants.get(key);
    if (known !== undefined) return known;
    const value = fresh("constant");
    initializers.push(writeTensor(value, array));
    if (key !== undefined) constants.set(key, value);
    return value;
  };

  const emitter: Emitter = {
    node(type, nodeInputs, attributes = {}, outputCount = 1) {
      const results = Array.from({ length: outputCount }, () => fresh(type.replace(/.*::/, "")));
      nodes.push(writeNode(type, nodeInputs, results, attributes));
      return results;
    },
    constant: initializer,
    scalar: (value, dtype) => initializer(ndarray([value], [], dtype)),
    integers: (list) => initializer(ndarray(list, [list.length], "int64")),
    subgraph(parameters, bound, results) {
      const graph = writeGraph(
        fresh("body"),
        parameters.map((tensor) => ({ name: fresh("parameter"), tensor })),
        bound,
        results.map((tensor) => ({ name: fresh("result"), tensor })),
        fresh,
      );
      return { graph };
    },
    isUsed: (node, output) => read.has(new Tensor(node, output)),
  };

  for (const node of order) {
    if (values.has(new Tensor(node, 0))) continue;
    const results = node.op.emit(
      emitter,
      node.inputs.map((input) => values.get(input) ?? ""),
      node,
      node.attributes,
    );
    for (const [index, result] of results.entries()) values.set(new Tensor(node, index), result);
  }

  // Outputs get their own names; an identity where the value has another already.
  const renamed = new Map<string, string>();
  const taken = new Set([
    ...inputs.map((input) => input.name),
    ...captured.map(([, value]) => value),
    ...initializers.map((tensor) => tensor.name),
  ]);
  for (const { name: output, tensor } of outputs) {
    const value = values.get(tensor) ?? "";
    if (taken.has(value) || renamed.has(value))
      nodes.push(writeNode("Identity", [renamed.get(value) ?? value], [output], {}));
    else renamed.set(value, output);
  }
  for (const node of nodes) {
    node.input = node.input.map((value) => renamed.get(value) ?? value);
    node.output = node.output.map((value) => renamed.get(value) ?? value);
    for (const attribute of node.attribute) if (attribute.g) renameIn(attribute.g, renamed);
  }
  return create(GraphProtoSchema, {
    name,
    node: nodes,
    initializer: initializers,
    input: inputs.map(({ name: value, tensor }) => writeValueInfo(value, tensor)),
    output: outputs.map(({ name: value, tensor }) => writeValueInfo(value, tensor)),
  });
}

/** Values of the graph around it that a body reads are renamed with it. */
function renameIn(graph: GraphProto, renamed: ReadonlyMap<string, string>): void {
  for (const node of graph.node) {
    node.input = node.input.map((value) => renamed.get(value) ?? value);
    for (const attribute of node.attribute) if (attribute.g) renameIn(attribute.g, renamed);
  }
}

function describeElements(array: NDArray): string {
  return Array.from(array.data as ArrayLike<number | bigint>, (element) =>
    Object.is(element, -0) ? "-0" : String(element),
  ).join(",");
}

function writeNode(
  type: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, OnnxAttribute>>,
) {
  // Absent optional inputs at the end are left out, as the format wants.
  const last = input.findLastIndex((value) => value !== "");
  const [opType = "", domain = ""] = type.split("::").reverse();
  return create(NodeProtoSchema, {
    opType,
    ...(domain !== "" && { domain }),
    name: output[0] ?? "",
    input: input.slice(0, last + 1),
    output: [...output],
    attribute: Object.entries(attributes).map(([name, value]) => writeAttribute(name, value)),
  });
}

function writeAttribute(name: string, value: OnnxAttribute): AttributeProto {
  const types = AttributeProto_AttributeType;
  if (typeof value === "number")
    return create(AttributeProtoSchema, { name, type: types.INT, i: BigInt(value) });
  if (typeof value === "string")
    return create(AttributeProtoSchema, { name, type: types.STRING, s: new TextEncoder().encode(value) });
  if (isList(value)) return create(AttributeProtoSchema, { name, type: types.INTS, ints: value.map(BigInt) });
  if ("float" in value) return create(AttributeProtoSchema, { name, type: types.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: types.GRAPH, g: graphOf(value) });
}

function isList(value: OnnxAttribute): value is readonly number[] {
  return Array.isArray(value);
}

function graphOf({ graph }: EmittedGraph): GraphProto {
  if (!("$typeName" in graph)) throw new TypeError("not a graph made by an emitter");
  return graph as GraphProto;
}

function writeTensor(name: string, { dtype, shape, data }: NDArray): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: onnxDType[dtype],
    dims: shape.map(BigInt),
    rawData: Uint8Array.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  });
}

function writeValueInfo(name: string, { dtype, shape }: Spec): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: "tensorType",
        value: {
          elemType: onnxDType[dtype],
          shape: {
            dim: shape.map((size) => ({ value: { case: "dimValue" as const, value: BigInt(size) } })),
          },
        },
      },
    },
  });
}

/** The dtype of an ONNX `TensorProto.DataType`, where the engine has it. */
export function dtypeOfOnnx(code: number): DType | undefined {
  return (Object.keys(onnxDType) as DType[]).find((dtype) => onnxDType[dtype] === code);
}
