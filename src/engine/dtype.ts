/** The element types a tensor can have. There is no implicit mixing: an operation on two dtypes is an error. */
export type DType = "float32" | "float64" | "int32" | "int64" | "uint8" | "bool";

/** The typed array that holds the elements of each dtype; `bool` is stored as 0 and 1 in bytes. */
export type DataOf = {
  float32: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  bool: Uint8Array;
};

export type TypedArray = DataOf[DType];

export const dtypes = [
  "float32",
  "float64",
  "int32",
  "int64",
  "uint8",
  "bool",
] as const satisfies readonly DType[];

const constructors = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

export function isFloat(dtype: DType): dtype is "float32" | "float64" {
  return dtype === "float32" || dtype === "float64";
}

export function isInteger(dtype: DType): dtype is "int32" | "int64" | "uint8" {
  return dtype === "int32" || dtype === "int64" || dtype === "uint8";
}

const integerRanges: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63 - 1024],
  uint8: [0, 255],
  bool: [0, 1],
};

/** Whether `dtype` has the number: 0.5 is none of int32, 256 none of uint8; floats round, and have every number. */
export function hasNumber(dtype: DType, value: number): boolean {
  const range = integerRanges[dtype];
  return range === undefined || (Number.isInteger(value) && value >= range[0] && value <= range[1]);
}

export function bytesPerElement(dtype: DType): number {
  return constructors[dtype].BYTES_PER_ELEMENT;
}

/** A zero-filled typed array of `length` elements of `dtype`. */
export function allocate<D extends DType>(dtype: D, length: number): DataOf[D] {
  return new constructors[dtype](length) as DataOf[D];
}

/** Whether `data` is the kind of typed array that holds `dtype`. */
export function holds(data: unknown, dtype: DType): boolean {
  return data instanceof constructors[dtype];
}

/** A view of raw little-endian bytes as `dtype`; the bytes are copied where they are not aligned. */
export function viewBytes<D extends DType>(dtype: D, bytes: Uint8Array): DataOf[D] {
  const width = bytesPerElement(dtype);
  // Not `slice`: that of a Node Buffer does not copy.
  const aligned = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  const TypedArrayOf = constructors[dtype];
  return new TypedArrayOf(
    aligned.buffer as ArrayBuffer,
    aligned.byteOffset,
    bytes.byteLength / width,
  ) as DataOf[D];
}

/** The numbers of ONNX's `TensorProto.DataType`. */
export const onnxDType = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float64: 11 } as const;
