import { isFloat } from "../../dtype.ts";
import { type NDArray, ndarray, toNumbers } from "../../ndarray.ts";
import { constant, full } from "../../ops/constants.ts";
import { isTensor, type Tensor } from "../../tensor.ts";
import type { AttributeValue, OnnxGraph, OnnxNode } from "../model.ts";

/** A value while a graph is applied: a tensor, or an array whose elements are known already. */
export type Value = Tensor | NDArray;

/** One node with the values of its inputs. */
export interface Call {
  readonly node: OnnxNode;
  /** The version of the operator set that the node belongs to. */
  readonly opset: number;
  /** `undefined` for an optional input that is left out. */
  readonly inputs: readonly (Value | undefined)[];
  /** Applies a nested graph, which sees the values around the node. */
  run(graph: OnnxGraph, inputs: readonly Value[]): Value[];
}

/** What an operator does: the values of its outputs, or of its only one. */
export type Apply = (call: Call) => Value | readonly Value[];

export interface Operator {
  readonly apply: Apply;
  /**
   * Inputs whose elements must be known when the graph is built: an initialiser that is there, or that what is there
   * is computed from, is no parameter.
   */
  readonly staticInputs?: readonly number[];
  /** Inputs that are better known but need not be: an initialiser that is there is no parameter. */
  readonly constantInputs?: readonly number[];
  /** Says what of a node is not supported, so that the reader can list it. */
  unsupported?(node: OnnxNode, opset: number): string | undefined;
}

/** Operators by their type; a function stands for an operator without more to say. */
export type OperatorTable = Readonly<Record<string, Apply | Operator>>;

/** A tensor of a value; a known scalar becomes a number that simplification sees. */
export function asTensor(value: Value): Tensor {
  if (isTensor(value)) return value;
  if (value.shape.length > 0) return constant(value);
  const number = Number(value.data[0]);
  return Number.isFinite(number) && (isFloat(value.dtype) || Number.isSafeInteger(number))
    ? full([], number, value.dtype)
    : constant(value);
}

/** The values as tensors, for operators of any number of inputs. */
export function allTensors(call: Call): Tensor[] {
  return call.inputs.map((_, i) => tensor(call, i));
}

/** A required input. */
export function value(call: Call, input: number): Value {
  const found = call.inputs[input];
  if (found === undefined) throw new Error(`input ${input} is missing`);
  return found;
}

/** A required input as a tensor. */
export function tensor(call: Call, input: number): Tensor {
  return asTensor(value(call, input));
}

/** An optional input as a tensor. */
export function optionalTensor(call: Call, input: number): Tensor | undefined {
  const found = call.inputs[input];
  return found && asTensor(found);
}

/** An optional input whose elements must be known. */
export function optionalArray(call: Call, input: number): NDArray | undefined {
  const found = call.inputs[input];
  if (found === undefined || !isTensor(found)) return found;
  throw new Error(
    `input ${input} (${call.node.inputs[input]}) must be known when the graph is built, but it depends on the model's inputs or parameters`,
  );
}

/** The elements of an optional input that must be known, as numbers. */
export function optionalNumbers(call: Call, input: number): number[] | undefined {
  const array = optionalArray(call, input);
  return array && toNumbers(array);
}

/** The elements of a required input that must be known, as numbers. */
export function numbers(call: Call, input: number): number[] {
  return optionalNumbers(call, input) ?? missing(input);
}

/** The only element of a required input that must be known. */
export function number(call: Call, input: number): number {
  const [only, ...rest] = numbers(call, input);
  if (only === undefined || rest.length > 0) throw new Error(`input ${input} must be one number`);
  return only;
}

function missing(input: number): never {
  throw new Error(`input ${input} is missing`);
}

type ValueOf = { readonly [A in AttributeValue as A["kind"]]: A["value"] };

function attributeOf<K extends keyof ValueOf>(
  call: Pick<Call, "node">,
  name: string,
  kind: K,
): ValueOf[K] | undefined {
  const found = call.node.attributes.get(name);
  if (found === undefined) return undefined;
  if (found.kind !== kind) throw new Error(`attribute ${name} is a ${found.kind}, not a ${kind}`);
  return found.value as ValueOf[K];
}

/** An attribute that is a number, or `otherwise` where it is left out. */
export function attribute(call: Pick<Call, "node">, name: string, otherwise: number): number {
  return attributeOf(call, name, "number") ?? otherwise;
}

/** An attribute that is a number, where it is given. */
export function optionalAttribute(call: Pick<Call, "node">, name: string): number | undefined {
  return attributeOf(call, name, "number");
}

/** An attribute that is a list of numbers, where it is given. */
export function listAttribute(call: Pick<Call, "node">, name: string): readonly number[] | undefined {
  return attributeOf(call, name, "numbers");
}

/** An attribute that is a text, or `otherwise` where it is left out. */
export function textAttribute(call: Pick<Call, "node">, name: string, otherwise: string): string {
  return attributeOf(call, name, "string") ?? otherwise;
}

export function tensorAttribute(call: Pick<Call, "node">, name: string): NDArray | undefined {
  return attributeOf(call, name, "tensor");
}

/** An attribute that is a graph. */
export function graphAttribute(call: Pick<Call, "node">, name: string): OnnxGraph {
  const graph = attributeOf(call, name, "graph");
  if (graph === undefined) throw new Error(`attribute ${name} is missing`);
  return graph;
}

/** The most elements of a constant that the reader makes: counts and indices, not data. */
const mostConstant = 2 ** 22;

/** A length of a constant, checked before it is made: a damaged file may ask for any. */
export function checkedLength(length: number, what: string): number {
  if (!(length <= mostConstant)) throw new Error(`${what} ${length} is more than ${mostConstant}`);
  return length;
}

/** An int64 vector that is known: a shape, or part of one. */
export function knownIntegers(values: readonly number[]): NDArray {
  return ndarray([...values], [values.length], "int64");
}
