import { type Defence, type Gradient, mapTensors } from "./defence.ts";

/** Fewer bits for each entry. */

export type Precision = "fp16" | "bf16" | "int8";

/** Bits of the significand with its leading one, the exponent of the smallest normal number, and the largest number. */
const floats = {
  fp16: { significand: 11, lowest: -14, largest: 65504 },
  bf16: { significand: 8, lowest: -126, largest: (2 - 2 ** -7) * 2 ** 127 },
} as const;

/**
 * Rounds every entry to the nearest that the precision has, ties to even. `fp16` and `bf16` are IEEE half precision and
 * the upper half of single precision, subnormal numbers included; `int8` is symmetric with one scale for a tensor: the
 * largest magnitude becomes 127.
 *
 * @throws RangeError when an entry is beyond the range of the precision, which would send an infinity
 */
export function quantizeTo(gradient: Gradient, precision: Precision): Gradient {
  if (precision !== "int8")
    return mapTensors(gradient, (entries) => entries.map((entry) => roundToFloat(entry, precision)));
  return mapTensors(gradient, (entries) => {
    const largest = entries.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0);
    const scale = largest / 127;
    return scale === 0 ? entries : entries.map((entry) => roundHalfEven(entry / scale) * scale);
  });
}

/** The sign of every entry: -1, 0 or 1 (J. Bernstein et al., "signSGD", 2018). */
export function signs(gradient: Gradient): Gradient {
  return mapTensors(gradient, (entries) => entries.map(Math.sign));
}

/** {@link quantizeTo} as a defence. */
export function quantize(precision: Precision): Defence {
  return {
    text: precision,
    description: `every entry rounded to ${precision}`,
    effects: [{ kind: "rounding", deviationOf: (sent) => roundingDeviations(sent, precision) }],
    apply: async (gradient) => quantizeTo(gradient, precision),
  };
}

/** {@link signs} as a defence. */
export function sign(): Defence {
  return {
    text: "sign",
    description: "only the signs sent",
    effects: [{ kind: "signs" }],
    apply: async (gradient) => signs(gradient),
  };
}

/** Floats of small entries are so exact that an attack would see nothing else: from this part of the largest on they count alike. */
const smallest = 0.1;

/** The standard deviation of rounding, the spacing of the numbers over √12, at each entry that was sent. */
function roundingDeviations(sent: Float64Array, precision: Precision): Float64Array {
  const largest = sent.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0);
  if (precision === "int8") return sent.map(() => largest / 127 / Math.sqrt(12));
  const spacing = 2 ** (1 - floats[precision].significand);
  return sent.map((entry) => (Math.max(Math.abs(entry), smallest * largest) * spacing) / Math.sqrt(12));
}

function roundToFloat(value: number, precision: "fp16" | "bf16"): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  const { significand, lowest, largest } = floats[precision];
  const spacing = 2 ** (Math.max(exponentOf(value), lowest) - significand + 1);
  // Dividing and multiplying by a power of 2 is exact.
  const rounded = roundHalfEven(value / spacing) * spacing;
  if (Math.abs(rounded) > largest)
    throw new RangeError(`${precision}: an entry is ${value}, beyond ±${largest}`);
  return rounded;
}

/** The e of 2^e <= |value| < 2^(e+1). */
function exponentOf(value: number): number {
  const guess = Math.floor(Math.log2(Math.abs(value)));
  if (2 ** guess > Math.abs(value)) return guess - 1;
  return 2 ** (guess + 1) <= Math.abs(value) ? guess + 1 : guess;
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const part = value - floor;
  if (part !== 0.5) return part < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
