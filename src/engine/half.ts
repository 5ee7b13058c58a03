/** Half precision, which files have and the engine does not compute in. */
export type Half = "float16" | "bfloat16";

const word = new DataView(new ArrayBuffer(4));

/** A half-precision number from its 16 bits; float32 holds it exactly. */
export function widenHalf(bits: number, kind: Half): number {
  if (kind === "bfloat16") {
    word.setUint32(0, bits << 16);
    return word.getFloat32(0);
  }
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
