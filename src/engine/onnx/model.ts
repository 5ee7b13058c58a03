import { fromBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type OperatorSetIdProto,
  type ValueInfoProto,
} from "onnx-buf";
import type { DType } from "../dtype.ts";
import type { NDArray } from "../ndarray.ts";
import { decodeTensor, dtypeOfElement, nameOfElement } from "./tensor-data.ts";

/** An ONNX file as plain structures, checked for what can be said of it without knowing any operator. */

/** Versions of operator sets by domain; "" is ONNX's own. */
export type Opsets = ReadonlyMap<string, number>;

export interface OnnxFile {
  readonly opsets: Opsets;
  readonly graph: OnnxGraph;
  /** Operators the model defines itself, by `domain:type`. */
  readonly functions: ReadonlyMap<string, OnnxFunction>;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, NDArray>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly string[];
  /** Names of all initialisers and inputs, those included that could not be decoded. */
  readonly declared: ReadonlySet<string>;
}

export interface OnnxFunction {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
  readonly defaults: ReadonlyMap<string, AttributeValue>;
  readonly opsets: Opsets;
}

/** An input of a graph. A size is a number, or the name of a size that the caller chooses. */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: DType;
  /** Absent where the file does not say. */
  readonly shape?: readonly (number | string)[];
}

export interface OnnxNode {
  /** Its name, or its operator and first output where it has none. */
  readonly name: string;
  readonly type: string;
  /** "" for ONNX's own operators. */
  readonly domain: string;
  /** Names of values; "" for an optional one that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

export type AttributeValue =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "numbers"; readonly value: readonly number[] }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "tensor"; readonly value: NDArray }
  | { readonly kind: "graph"; readonly value: OnnxGraph }
  /** The value of an attribute of the function around the node. */
  | { readonly kind: "reference"; readonly value: string };

/** What is wrong with a file, each where it is. */
export type Problems = string[];

/**
 * Decodes a file. What is wrong with single tensors, inputs or attributes is added to `problems`, so that they can be
 * reported together.
 *
 * @throws Error saying why the bytes are no ONNX model
 */
export function decodeModel(bytes: Uint8Array, problems: Problems): OnnxFile {
  const model = decodeProto(bytes);
  if (model.graph === undefined) throw new Error("it is not an ONNX model: it holds no graph");
  return {
    opsets: decodeOpsets(model.opsetImport),
    graph: decodeGraph(model.graph, problems),
    functions: new Map(
      model.functions.map((definition) => [
        `${plainDomain(definition.domain)}:${definition.name}`,
        decodeFunction(definition, problems),
      ]),
    ),
  };
}

function decodeProto(bytes: Uint8Array): ModelProto {
  if (bytes.byteLength === 0) throw new Error("it is not an ONNX model: it is empty");
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`it is not an ONNX model, or it is damaged: ${reason}`, { cause });
  }
}

function plainDomain(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}

function decodeOpsets(imports: readonly OperatorSetIdProto[]): Opsets {
  return new Map(imports.map(({ domain, version }) => [plainDomain(domain), Number(version)]));
}

function decodeGraph(graph: GraphProto, problems: Problems): OnnxGraph {
  const initializers = new Map<string, NDArray>();
  for (const tensor of graph.initializer)
    attempt(`initialiser ${JSON.stringify(tensor.name)}`, problems, () =>
      initializers.set(tensor.name, decodeTensor(tensor)),
    );
  for (const sparse of graph.sparseInitializer)
    problems.push(
      `initialiser ${JSON.stringify(sparse.values?.name ?? "")}: sparse tensors are not supported`,
    );
  const stored = new Set([
    ...graph.initializer.map(({ name }) => name),
    ...graph.sparseInitializer.map(({ values }) => values?.name ?? ""),
  ]);
  return {
    nodes: graph.node.map((node) => decodeNode(node, problems)),
    initializers,
    // Before format version 4, initialisers were listed among the inputs.
    inputs: graph.input.flatMap((input) => (stored.has(input.name) ? [] : decodeInput(input, problems))),
    outputs: graph.output.map(({ name }) => name),
    declared: new Set([...stored, ...graph.input.map(({ name }) => name)]),
  };
}

function decodeInput({ name, type }: ValueInfoProto, problems: Problems): OnnxValue[] {
  const place = `input ${JSON.stringify(name)}`;
  // The inputs of a nested graph may go without a type.
  if (type === undefined || type.value.case === undefined) return [{ name, dtype: "float32" }];
  if (type.value.case !== "tensorType") {
    problems.push(`${place}: it is a ${type.value.case.replace("Type", "")}, only tensors are supported`);
    return [];
  }
  const { elemType, shape } = type.value.value;
  const dtype = dtypeOfElement(elemType);
  if (dtype === undefined) {
    problems.push(`${place}: its element type ${nameOfElement(elemType)} is not supported`);
    return [];
  }
  if (shape === undefined) return [{ name, dtype }];
  const sizes = shape.dim.map(({ value }, axis) =>
    value.case === "dimValue" ? Number(value.value) : value.value || `${name}.${axis}`,
  );
  if (sizes.some((size) => typeof size === "number" && !(size >= 0 && Number.isSafeInteger(size)))) {
    problems.push(`${place}: its shape [${sizes}] has a negative size`);
    return [];
  }
  return [{ name, dtype, shape: sizes }];
}

function decodeNode(node: NodeProto, problems: Problems): OnnxNode {
  const name = node.name === "" ? `${node.opType} of ${node.output[0] ?? ""}` : node.name;
  const attributes = new Map<string, AttributeValue>();
  for (const attribute of node.attribute)
    attempt(`node ${JSON.stringify(name)} (${node.opType}), attribute ${attribute.name}`, problems, () => {
      attributes.set(attribute.name, decodeAttribute(attribute, problems));
    });
  return {
    name,
    type: node.opType,
    domain: plainDomain(node.domain),
    inputs: node.input,
    outputs: node.output,
    attributes,
  };
}

const text = new TextDecoder();

function decodeAttribute(attribute: AttributeProto, problems: Problems): AttributeValue {
  const types = AttributeProto_AttributeType;
  if (attribute.refAttrName !== "") return { kind: "reference", value: attribute.refAttrName };
  switch (attribute.type) {
    case types.FLOAT:
      return { kind: "number", value: attribute.f };
    case types.INT:
      return { kind: "number", value: Number(attribute.i) };
    case types.STRING:
      return { kind: "string", value: text.decode(attribute.s) };
    case types.FLOATS:
      return { kind: "numbers", value: attribute.floats };
    case types.INTS:
      return { kind: "numbers", value: attribute.ints.map(Number) };
    case types.STRINGS:
      return { kind: "strings", value: attribute.strings.map((item) => text.decode(item)) };
    case types.TENSOR:
      if (attribute.t === undefined) throw new Error("it holds no tensor");
      return { kind: "tensor", value: decodeTensor(attribute.t) };
    case types.GRAPH:
      if (attribute.g === undefined) throw new Error("it holds no graph");
      return { kind: "graph", value: decodeGraph(attribute.g, problems) };
    default:
      throw new Error(`attributes of type ${types[attribute.type] ?? attribute.type} are not supported`);
  }
}

function decodeFunction(definition: FunctionProto, problems: Problems): OnnxFunction {
  const defaults = new Map<string, AttributeValue>();
  for (const attribute of definition.attributeProto)
    attempt(`function ${definition.name}, attribute ${attribute.name}`, problems, () => {
      defaults.set(attribute.name, decodeAttribute(attribute, problems));
    });
  return {
    inputs: definition.input,
    outputs: definition.output,
    nodes: definition.node.map((node) => decodeNode(node, problems)),
    defaults,
    opsets: decodeOpsets(definition.opsetImport),
  };
}

function attempt(place: string, problems: Problems, decode: () => void): void {
  try {
    decode();
  } catch (cause) {
    problems.push(`${place}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
