// Single draws from a generator, each by the algorithm that NumPy's Generator uses.
import { next32, next64, nextUnit, type Pcg64 } from "./pcg64.ts";
import * as exponential from "./ziggurat-exponential.ts";
import * as normal from "./ziggurat-normal.ts";

/** A standard normal number by the ziggurat. */
export function nextNormal(generator: Pcg64): number {
  for (;;) {
    next64(generator);
    const { high, low } = generator;
    const layer = low & 0xff;
    // Bits 9 to 60 of the draw are the magnitude, bit 8 the sign.
    const magnitude = (high & 0x1fffffff) * 8388608 + (low >>> 9);
    const width = magnitude * (normal.layerWidths[layer] as number);
    const x = low & 0x100 ? -width : width;
    if (magnitude < (normal.layerThresholds[layer] as number)) return x;
    if (layer === 0) {
      const tail = nextTail(generator);
      // Bit 8 of the magnitude decides the sign of a tail draw.
      return low & 0x20000 ? -tail : tail;
    }
    const inner = normal.layerHeights[layer - 1] as number;
    const outer = normal.layerHeights[layer] as number;
    if ((inner - outer) * nextUnit(generator) + outer < Math.exp(-0.5 * x * x)) return x;
  }
}

/** A draw beyond the ziggurat's last layer (Marsaglia's tail method). */
function nextTail(generator: Pcg64): number {
  for (;;) {
    const x = -normal.inverseTailStart * Math.log1p(-nextUnit(generator));
    const y = -Math.log1p(-nextUnit(generator));
    if (y + y > x * x) return normal.tailStart + x;
  }
}

/** An integer of [0, bound), bound from 1 to 2^32: D. Lemire, "Fast Random Integer Generation in an Interval" (2019). */
export function nextBelow(generator: Pcg64, bound: number): number {
  if (bound === 1) return 0;
  if (bound === 4294967296) return next32(generator);
  const threshold = (4294967296 - bound) % bound;
  for (;;) {
    const word = next32(generator);
    const leftover = Math.imul(word, bound) >>> 0;
    if (leftover >= threshold) return Math.floor((word * bound - leftover) * 2 ** -32 + 0.5);
  }
}

/** An integer of [0, last], last from 1 to 2^32 - 1, by masking and rejection, which is what NumPy shuffles with. */
export function nextUpTo(generator: Pcg64, last: number): number {
  const unused = Math.clz32(last);
  for (;;) {
    const value = (next32(generator) << unused) >>> unused;
    if (value <= last) return value;
  }
}

/** A standard exponential number by the ziggurat. */
export function nextExponential(generator: Pcg64): number {
  for (;;) {
    next64(generator);
    const { high, low } = generator;
    // Bits 3 to 10 of the draw are the layer, the 53 bits above them the magnitude.
    const layer = (low >>> 3) & 0xff;
    const magnitude = high * 2097152 + (low >>> 11);
    const x = magnitude * (exponential.layerWidths[layer] as number);
    if (magnitude < (exponential.layerThresholds[layer] as number)) return x;
    if (layer === 0) return exponential.tailStart - Math.log1p(-nextUnit(generator));
    const inner = exponential.layerHeights[layer - 1] as number;
    const outer = exponential.layerHeights[layer] as number;
    if ((inner - outer) * nextUnit(generator) + outer < Math.exp(-x)) return x;
  }
}

/**
 * A gamma number of scale 1: G. Marsaglia, W. W. Tsang, "A Simple Method for Generating Gamma Variables" (2000),
 * below shape 1 the rejection of J. H. Ahrens and U. Dieter (1974).
 */
export function nextGamma(generator: Pcg64, shape: number): number {
  if (shape === 0) return 0;
  if (shape === 1) return nextExponential(generator);
  if (shape < 1)
    for (;;) {
      const u = nextUnit(generator);
      const v = nextExponential(generator);
      if (u <= 1 - shape) {
        const x = u ** (1 / shape);
        if (x <= v) return x;
      } else {
        const y = -Math.log((1 - u) / shape);
        const x = (1 - shape + shape * y) ** (1 / shape);
        if (x <= v + y) return x;
      }
    }
  const b = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * b);
  for (;;) {
    let x: number;
    let v: number;
    do {
      x = nextNormal(generator);
      v = 1 + c * x;
    } while (v <= 0);
    v = v * v * v;
    const u = nextUnit(generator);
    if (u < 1 - 0.0331 * (x * x) * (x * x)) return b * v;
    if (Math.log(u) < 0.5 * x * x + b * (1 - v + Math.log(v))) return b * v;
  }
}
