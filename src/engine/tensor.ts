import type { DType } from "./dtype.ts";
import type { NDArray } from "./ndarray.ts";
import { type Shape, sizeOf } from "./shape.ts";

/** What is known of a tensor before it has values. */
export interface Spec {
  readonly shape: Shape;
  readonly dtype: DType;
}

export type Attributes = object;

/** One application of an operation: what its output tensors are made of. Nodes are never changed. */
export interface Node {
  readonly op: Op;
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
  readonly outputs: readonly Spec[];
}

/**
 * An immutable symbolic value: one output of a {@link Node}. Tensors are freely shared; they hold no memory and
 * need no disposal. Operations are functions in `engine/ops`; the common ones are also methods.
 */
export class Tensor implements Spec {
  readonly node: Node;
  /** Which output of the node this is; 0 for all operations with one output. */
  readonly index: number;
  readonly shape: Shape;
  readonly dtype: DType;

  constructor(node: Node, index: number) {
    const spec = node.outputs[index];
    if (spec === undefined) throw new RangeError(`${node.op.name} has no output ${index}`);
    this.node = node;
    this.index = index;
    this.shape = spec.shape;
    this.dtype = spec.dtype;
  }

  get op(): string {
    return this.node.op.name;
  }

  get inputs(): readonly Tensor[] {
    return this.node.inputs;
  }

  get attributes(): Attributes {
    return this.node.attributes;
  }

  /** The number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** The number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }
}

/** What an operation accepts: a tensor, a host array (becomes a constant), or a number (takes the dtype it meets). */
export type TensorLike = Tensor | NDArray | number;

export interface GradientArguments<A> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attributes: A;
  /** One per output; `undefined` where nothing flows back. */
  readonly cotangents: readonly (Tensor | undefined)[];
  /** Whether the cotangent of each input is wanted; a rule may skip the work for the others. */
  readonly wanted: readonly boolean[];
}

export interface BatchArguments<A> {
  /** Batched inputs carry the batch as axis 0; the others are as they were. */
  readonly inputs: readonly Tensor[];
  readonly batched: readonly boolean[];
  readonly batchSize: number;
  readonly attributes: A;
}

/**
 * All that is known of an operation. A graph transform looks at nothing else, so a new operation is one such object.
 */
export interface Op<A extends Attributes = Attributes> {
  readonly name: string;
  /** Shapes and dtypes of the outputs. Inputs are valid: the public function checks them first. */
  outputs(inputs: readonly Spec[], attributes: A): readonly Spec[];
  /**
   * Cotangents of the inputs, linear in the cotangents of the outputs and made of differentiable operations, so that
   * forward derivatives and every higher order follow from it. Absent: the operation has no derivative (it is piecewise
   * constant, or differentiating it is an error that `undifferentiable` states).
   */
  gradient?(args: GradientArguments<A>): readonly (Tensor | undefined)[];
  readonly undifferentiable?: string;
  /** Outputs with the batch as axis 0. */
  batch(args: BatchArguments<A>): readonly Tensor[];
  /** The operation in terms of others, where the runtime lacks a kernel for it; `undefined` to emit it as it is. */
  lower?(inputs: readonly Tensor[], attributes: A): readonly Tensor[] | undefined;
  /** The ONNX form: adds nodes and returns the names of the outputs. */
  emit(emitter: Emitter, inputs: readonly string[], node: Node, attributes: A): readonly string[];
  /** Floating-point operations of one application; by default one for each output element. */
  flops?(node: Node, attributes: A): number;
}

export type OnnxAttribute = number | string | readonly number[] | { readonly float: number } | EmittedGraph;

/** A graph written as the attribute of an ONNX node; made by {@link Emitter.subgraph}. */
export interface EmittedGraph {
  readonly graph: object;
}

/** What an operation's `emit` writes to. */
export interface Emitter {
  /** Adds an ONNX node; returns the names of its `outputCount` outputs (1 by default). */
  node(
    type: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, OnnxAttribute>>,
    outputCount?: number,
  ): string[];
  /** The name of an initialiser with these values. */
  constant(array: NDArray): string;
  /** The name of a scalar initialiser. */
  scalar(value: number, dtype: DType): string;
  /** The name of an int64 vector initialiser: shapes, axes, pads. */
  integers(values: readonly number[]): string;
  /**
   * A graph for the body of a loop or a branch.
   *
   * @param parameters the graph's own inputs
   * @param captured parameters that stand for values of the graph around it, with their names there
   */
  subgraph(
    parameters: readonly Tensor[],
    captured: readonly (readonly [parameter: Tensor, name: string])[],
    results: readonly Tensor[],
  ): EmittedGraph;
  /** Whether anything reads this output of a node. */
  isUsed(node: Node, output: number): boolean;
}

/** A function as a graph: the body of a scan, a branch, a loop. It depends on nothing but its parameters. */
export interface Subgraph {
  readonly parameters: readonly Tensor[];
  readonly results: readonly Tensor[];
}

/** Applies an operation. */
export function apply<A extends Attributes>(op: Op<A>, inputs: readonly Tensor[], attributes: A): Tensor[] {
  const node: Node = { op: op as Op, inputs, attributes, outputs: op.outputs(inputs, attributes) };
  return node.outputs.map((_, index) => new Tensor(node, index));
}

/** Applies an operation that has one output. */
export function applyOne<A extends Attributes>(op: Op<A>, inputs: readonly Tensor[], attributes: A): Tensor {
  const node: Node = { op: op as Op, inputs, attributes, outputs: op.outputs(inputs, attributes) };
  return new Tensor(node, 0);
}

/** The attributes of the operation that made `tensor`, if that operation is `op`. */
export function attributesIf<A extends Attributes>(tensor: Tensor, op: Op<A>): A | undefined {
  return tensor.node.op === (op as Op) ? (tensor.node.attributes as A) : undefined;
}

/** Whether a value is a tensor of this engine. */
export function isTensor(value: unknown): value is Tensor {
  return value instanceof Tensor;
}
