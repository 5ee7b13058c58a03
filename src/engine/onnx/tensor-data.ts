import { type TensorProto, TensorProto_DataLocation, TensorProto_DataType } from "onnx-buf";
import { allocate, bytesPerElement, type DType, viewBytes } from "../dtype.ts";
import { type Half, widenHalf } from "../half.ts";
import type { NDArray } from "../ndarray.ts";

/** Tensors stored in an ONNX file, as host arrays. */

const { FLOAT, DOUBLE, FLOAT16, BFLOAT16, INT32, INT64, UINT8, BOOL } = TensorProto_DataType;

const dtypes: Readonly<Partial<Record<number, DType>>> = {
  [FLOAT]: "float32",
  [DOUBLE]: "float64",
  [INT32]: "int32",
  [INT64]: "int64",
  [UINT8]: "uint8",
  [BOOL]: "bool",
  // Half precision is widened: the engine computes in float32 and float64 only.
  [FLOAT16]: "float32",
  [BFLOAT16]: "float32",
};

/** The engine's dtype for an ONNX element type; half-precision types become float32. `undefined` where there is none. */
export function dtypeOfElement(code: number): DType | undefined {
  return dtypes[code];
}

/** The name of an ONNX element type, for messages. */
export function nameOfElement(code: number): string {
  return TensorProto_DataType[code]?.toLowerCase() ?? `element type ${code}`;
}

/**
 * The array of a stored tensor. What it declares is checked against what is there before anything is allocated.
 *
 * @throws Error saying what is wrong: an element type without counterpart, external data, a length that does not
 *   fill the shape
 */
export function decodeTensor(tensor: TensorProto): NDArray {
  const dtype = dtypeOfElement(tensor.dataType);
  if (dtype === undefined)
    throw new Error(`its element type ${nameOfElement(tensor.dataType)} is not supported`);
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL || tensor.externalData.length > 0) {
    const file = tensor.externalData.find(({ key }) => key === "location")?.value;
    throw new Error(`its data lie in another file${file ? ` (${file})` : ""}; save the model as one file`);
  }
  if (tensor.segment !== undefined) throw new Error("it is one segment of a tensor");
  const shape = tensor.dims.map(Number);
  const size = tensor.dims.reduce((product, dimension) => product * dimension, 1n);
  if (tensor.dims.some((dimension) => dimension < 0n))
    throw new Error(`its shape [${shape}] has a negative size`);
  const raw = tensor.rawData.byteLength > 0;
  const width = elementBytes(tensor.dataType, dtype);
  const typed = typedElements(tensor, dtype);
  const found = raw ? tensor.rawData.byteLength / width : typed.length;
  if (BigInt(Math.ceil(found)) !== size || !Number.isInteger(found))
    throw new Error(`its shape [${shape}] needs ${size} elements, ${found} are stored`);
  const data = raw ? fromBytes(tensor.dataType, dtype, tensor.rawData) : fromTyped(tensor, dtype, typed);
  return { dtype, shape, data } as NDArray;
}

function isHalf(code: number): boolean {
  return code === FLOAT16 || code === BFLOAT16;
}

function kindOfHalf(code: number): Half {
  return code === BFLOAT16 ? "bfloat16" : "float16";
}

function elementBytes(code: number, dtype: DType): number {
  return isHalf(code) ? 2 : bytesPerElement(dtype);
}

/** The field in which a tensor that is not raw keeps its elements. */
function typedElements(tensor: TensorProto, dtype: DType): ArrayLike<number> | ArrayLike<bigint> {
  if (isHalf(tensor.dataType)) return tensor.int32Data;
  if (dtype === "float32") return tensor.floatData;
  if (dtype === "float64") return tensor.doubleData;
  return dtype === "int64" ? tensor.int64Data : tensor.int32Data;
}

function fromBytes(code: number, dtype: DType, bytes: Uint8Array): NDArray["data"] {
  if (!isHalf(code)) {
    // A copy: a view would keep the whole file alive and share its memory with the caller.
    // Not `slice`: that of a Node Buffer does not copy.
    const copy = new Uint8Array(bytes);
    return dtype === "bool" ? copy.map((byte) => (byte === 0 ? 0 : 1)) : viewBytes(dtype, copy);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength / 2 }, (_, i) =>
    widenHalf(view.getUint16(2 * i, true), kindOfHalf(code)),
  );
}

function fromTyped(
  tensor: TensorProto,
  dtype: DType,
  elements: ArrayLike<number> | ArrayLike<bigint>,
): NDArray["data"] {
  if (isHalf(tensor.dataType))
    return Float32Array.from(elements as ArrayLike<number>, (bits) =>
      widenHalf(bits, kindOfHalf(tensor.dataType)),
    );
  const data = allocate(dtype, elements.length);
  if (dtype === "bool") for (let i = 0; i < elements.length; i++) data[i] = Number(elements[i]) === 0 ? 0 : 1;
  else for (let i = 0; i < elements.length; i++) data[i] = elements[i] ?? 0;
  return data;
}
