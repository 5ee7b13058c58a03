import { apply, applyOne, type Op, type Tensor, type TensorLike } from "../tensor.ts";
import { sumToShape } from "./broadcast.ts";
import { requireBool, requireBroadcast, requireFloat, requireNumeric, requireSameDType } from "./check.ts";
import { toTensor, toTensors } from "./constants.ts";
import { alignAll, both, only } from "./shape.ts";

/** How elementwise operations are defined, and applied to what a user gives. */

export type NoAttributes = Record<never, never>;

export interface UnaryRule {
  /** The derivative times the cotangent; absent for piecewise constant functions. */
  gradient?(ct: Tensor, x: Tensor, y: Tensor): Tensor;
  onnx: string;
  lower?(x: Tensor): Tensor | undefined;
}

export function unary(name: string, { gradient, onnx, lower }: UnaryRule): Op<NoAttributes> {
  return {
    name,
    outputs: ([x]) => [{ shape: x?.shape ?? [], dtype: x?.dtype ?? "float32" }],
    ...(gradient && {
      gradient: ({ inputs, outputs, cotangents: [ct] }) => [ct && gradient(ct, only(inputs), only(outputs))],
    }),
    batch({ inputs }) {
      return apply(this, inputs, {});
    },
    ...(lower && {
      lower: (inputs) => {
        const lowered = lower(only(inputs));
        return lowered && [lowered];
      },
    }),
    emit: (emitter, inputs) => emitter.node(onnx, inputs),
  };
}

export interface BinaryRule {
  /** The cotangents of both inputs in the output's shape; absent where there is no derivative. */
  gradient?: readonly [
    (ct: Tensor, a: Tensor, b: Tensor, y: Tensor) => Tensor,
    (ct: Tensor, a: Tensor, b: Tensor, y: Tensor) => Tensor,
  ];
  onnx: string;
  result?: "bool";
  lower?(a: Tensor, b: Tensor): Tensor | undefined;
}

export function binary(name: string, { gradient, onnx, result, lower }: BinaryRule): Op<NoAttributes> {
  return {
    name,
    outputs: (inputs) => [
      { shape: requireBroadcast(name, inputs), dtype: result ?? requireSameDType(name, inputs) },
    ],
    ...(gradient && {
      gradient: ({ inputs, outputs, cotangents: [ct], wanted }) => {
        const [a, b] = both(inputs);
        const y = only(outputs);
        return [
          ct && wanted[0] ? sumToShape(gradient[0](ct, a, b, y), a.shape) : undefined,
          ct && wanted[1] ? sumToShape(gradient[1](ct, a, b, y), b.shape) : undefined,
        ];
      },
    }),
    batch(args) {
      return apply(this, alignAll(args), {});
    },
    ...(lower && {
      lower: (inputs) => {
        const lowered = lower(...both(inputs));
        return lowered && [lowered];
      },
    }),
    emit: (emitter, inputs) => emitter.node(onnx, inputs),
  };
}

export function unaryOf(op: Op<NoAttributes>, x: TensorLike, domain: "float" | "numeric" | "bool"): Tensor {
  const tensor = toTensor(x);
  if (domain === "float") requireFloat(op.name, tensor);
  else if (domain === "numeric") requireNumeric(op.name, tensor);
  else requireBool(op.name, tensor);
  return applyOne(op, [tensor], {});
}

export function binaryOf(op: Op<NoAttributes>, a: TensorLike, b: TensorLike): Tensor {
  const tensors = toTensors([a, b]);
  requireSameDType(op.name, tensors);
  return applyOne(op, tensors, {});
}

export function arithmetic(op: Op<NoAttributes>, a: TensorLike, b: TensorLike): Tensor {
  const tensors = toTensors([a, b]);
  requireNumeric(op.name, ...tensors);
  requireSameDType(op.name, tensors);
  return applyOne(op, tensors, {});
}

export function logical(op: Op<NoAttributes>, a: TensorLike, b: TensorLike): Tensor {
  const tensors = toTensors([a, b]);
  requireBool(op.name, ...tensors);
  return applyOne(op, tensors, {});
}
