import { create, fromBinary, isMessage, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
  TypeProto_TensorSchema,
} from "onnx-buf";
import { castArray, type NDArray, ndarray } from "../engine/ndarray.ts";
import { visitMessages } from "../engine/onnx/messages.ts";
import { decodeTensor } from "../engine/onnx/tensor-data.ts";
import type { FloatDType } from "./model.ts";

const { FLOAT, DOUBLE, FLOAT16, BFLOAT16 } = TensorProto_DataType;
const floats: readonly number[] = [FLOAT, DOUBLE, FLOAT16, BFLOAT16];

/** Attributes that hold the number of an element type: what Cast casts to, what others give. */
const typeAttributes = new Set(["to", "dtype", "output_dtype", "stash_type"]);

/**
 * An ONNX file with one floating-point type in place of all: weights, constants, inputs, outputs and casts. It is the same
 * function of the same numbers (in float64, of exactly the same), computed with that type's rounding.
 *
 * @throws Error saying what is wrong with a stored tensor
 */
export function inPrecision(bytes: Uint8Array, dtype: FloatDType): Uint8Array {
  const target = dtype === "float64" ? DOUBLE : FLOAT;
  const model = fromBinary(ModelProtoSchema, bytes);
  visitMessages(model, (message) => {
    if (isMessage(message, TensorProtoSchema)) convertTensor(message, target, dtype);
    else if (isMessage(message, AttributeProtoSchema)) convertAttribute(message, target, dtype);
    else if (isMessage(message, TypeProto_TensorSchema) && floats.includes(message.elemType))
      message.elemType = target;
  });
  return toBinary(ModelProtoSchema, model);
}

function convertTensor(tensor: TensorProto, target: number, dtype: FloatDType): void {
  if (!floats.includes(tensor.dataType) || tensor.dataType === target) return;
  tensor.rawData = bytesOf(castArray(decodeTensor(tensor), dtype));
  tensor.dataType = target;
  tensor.floatData = [];
  tensor.doubleData = [];
  tensor.int32Data = [];
}

function bytesOf({ data }: NDArray): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

function convertAttribute(attribute: AttributeProto, target: number, dtype: FloatDType): void {
  if (typeAttributes.has(attribute.name) && floats.includes(Number(attribute.i)))
    attribute.i = BigInt(target);
  const isScalar = attribute.name === "value_float";
  if (!isScalar && attribute.name !== "value_floats") return;
  // These two forms of a Constant are float32 whatever the model's type: a tensor can be of any.
  const values = isScalar ? [attribute.f] : attribute.floats;
  attribute.t = create(TensorProtoSchema, {
    dataType: target,
    dims: isScalar ? [] : [BigInt(values.length)],
    rawData: bytesOf(ndarray(values, [values.length], dtype)),
  });
  attribute.name = "value";
  attribute.type = AttributeProto_AttributeType.TENSOR;
  attribute.floats = [];
}

/** The initialisers that batch normalisation nodes use as running statistics, in the graph and those within it. */
export function runningStatistics(bytes: Uint8Array): ReadonlySet<string> {
  const names = new Set<string>();
  visitMessages(fromBinary(ModelProtoSchema, bytes), (message) => {
    if (!isMessage(message, GraphProtoSchema)) return;
    for (const { opType, input } of message.node)
      if (opType === "BatchNormalization") for (const name of input.slice(3, 5)) names.add(name);
  });
  return names;
}
