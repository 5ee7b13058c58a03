import { describe, expect, test } from "vitest";
import { type Check, evaluate, runChecks, uniform } from "../checking.testing.ts";
import { type NDArray, ndarray, toNumbers } from "../ndarray.ts";
import { compile, spec } from "../runtime/compile.ts";
import * as op from "./index.ts";

/** The transform by its definition, with angles reduced in integers: complex numbers interleaved. */
function reference(values: ArrayLike<number>, n: number, sign: 1 | -1): Float64Array {
  const out = new Float64Array(2 * n);
  for (let k = 0; k < n; k++)
    for (let j = 0; j < n; j++) {
      const angle = (2 * Math.PI * ((j * k) % n)) / n;
      const [c, s] = [Math.cos(angle), sign * Math.sin(angle)];
      const [a, b] = [values[2 * j] ?? 0, values[2 * j + 1] ?? 0];
      out[2 * k] = (out[2 * k] ?? 0) + a * c - b * s;
      out[2 * k + 1] = (out[2 * k + 1] ?? 0) + a * s + b * c;
    }
  return out;
}

function relativeDistance(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [error, norm] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    error += ((found[i] ?? NaN) - (expected[i] ?? 0)) ** 2;
    norm += (expected[i] ?? 0) ** 2;
  }
  return Math.sqrt(error / norm);
}

// Short ones, powers of two, products, primes, and primes times small numbers.
const lengths = [1, 2, 3, 5, 8, 17, 64, 67, 90, 96, 127, 128, 134, 210, 256, 257, 300, 509, 1000, 1024, 1018];

describe("Fourier transforms", () => {
  test.each([
    ["float64", 3e-15],
    ["float32", 1e-6],
  ] as const)("%s of any length is accurate", async (dtype, tolerance) => {
    const inputs = lengths.map((n) => {
      const { data } = uniform([n, 2], -1, 1, n);
      return ndarray(data, [1, n, 2], dtype) as NDArray<"float64">;
    });
    const executable = await compile(
      (...x) => x.map((z) => ({ forward: op.fft(z), there: op.ifft(op.fft(z)) })),
      inputs.map((x) => spec(x.shape, dtype)),
    );
    const found = await executable.run(...inputs);
    await executable.dispose();
    for (const [i, n] of lengths.entries()) {
      const input = toNumbers(inputs[i] as NDArray);
      expect(
        relativeDistance(toNumbers(found[i]?.forward as NDArray), reference(input, n, -1)),
        `fft ${n}`,
      ).toBeLessThan(tolerance);
      expect(relativeDistance(toNumbers(found[i]?.there as NDArray), input), `ifft of fft ${n}`).toBeLessThan(
        tolerance,
      );
    }
  });

  test("real transforms are halves of complex ones and invert each other, odd or even", async () => {
    for (const n of [1, 2, 3, 6, 7, 65, 128, 131]) {
      const x = uniform([2, n], -1, 1, n);
      const [half, back, padded] = await evaluate(() => {
        const real = op.constant(x);
        const spectrum = op.rfft(real);
        // The imaginary parts of frequency 0 and n/2 have no effect.
        const m = Math.floor(n / 2) + 1;
        const extra = Array.from({ length: 2 * m }, (_, i) =>
          i === 1 || (n % 2 === 0 && i === 2 * m - 1) ? 5 : 0,
        );
        const disturbed = op.add(spectrum, op.constant(ndarray(extra, [m, 2], "float64")));
        return [spectrum, op.irfft(spectrum, { sizes: n }), op.irfft(disturbed, { sizes: n })] as const;
      });
      const complex = Array.from(x.data.slice(0, n)).flatMap((value) => [value, 0]);
      const expected = reference(complex, n, -1).slice(0, 2 * (Math.floor(n / 2) + 1));
      expect(relativeDistance(toNumbers(half).slice(0, expected.length), expected), `rfft ${n}`).toBeLessThan(
        3e-15,
      );
      expect(relativeDistance(toNumbers(back), x.data), `irfft ${n}`).toBeLessThan(3e-15);
      expect(relativeDistance(toNumbers(padded), x.data), `irfft of disturbed ${n}`).toBeLessThan(1e-14);
    }
  });

  test("derivatives, vmap, float32", async () => {
    const squared = op.square;
    const checks: Check[] = [
      { name: "fft", f: (z) => op.fft(squared(z)), inputs: [uniform([2, 5, 2])] },
      { name: "fft, first axis", f: (z) => op.fft(squared(z), { axes: 0 }), inputs: [uniform([4, 3, 2])] },
      {
        name: "fft, two axes",
        f: (z) => op.fft(z, { axes: [0, 1], norm: "ortho" }),
        inputs: [uniform([3, 4, 2])],
      },
      { name: "fft, chirp", f: (z) => op.fft(z), inputs: [uniform([67, 2])] },
      { name: "fft, runtime's", f: (z) => op.fft(squared(z)), inputs: [uniform([128, 2])] },
      { name: "fft, four steps", f: (z) => op.fft(squared(z), { axes: -2 }), inputs: [uniform([90, 1, 2])] },
      { name: "ifft", f: (z) => op.ifft(squared(z)), inputs: [uniform([6, 2])] },
      { name: "ifft, runtime's", f: (z) => op.ifft(z, { norm: "forward" }), inputs: [uniform([128, 2])] },
      { name: "rfft", f: (x) => op.rfft(squared(x)), inputs: [uniform([2, 5])] },
      { name: "rfft, two axes", f: (x) => op.rfft(x, { axes: [1, 0] }), inputs: [uniform([4, 3])] },
      { name: "irfft", f: (z) => op.irfft(squared(z)), inputs: [uniform([2, 3, 2])] },
      {
        name: "irfft, odd, two axes",
        f: (z) => op.irfft(z, { axes: [0, 1], sizes: [2, 5] }),
        inputs: [uniform([2, 3, 2])],
      },
      { name: "fftShift", f: (z) => op.fftShift(squared(z)), inputs: [uniform([3, 4, 2])] },
      {
        name: "ifftShift of a real image",
        f: (x) => op.ifftShift(x, { complex: false, axes: [0] }),
        inputs: [uniform([5, 2])],
      },
      { name: "nothing to transform", f: (z) => op.fft(z), inputs: [uniform([0, 4, 2])] },
    ];
    // Sums of terms of both signs: float32 is as close as the largest output lets it be.
    await runChecks(checks.map((check) => ({ ...check, float32: 1e-5 })));
  });

  test("norms and shifts are NumPy's", async () => {
    const found = await evaluate(() => {
      const z = op.constant(
        [
          [1, 0],
          [2, 0],
          [3, 0],
          [4, 0],
        ],
        "float64",
      );
      const five = op.arange(0, 5);
      return [
        op.fft(z, { norm: "forward" }),
        op.ifft(z, { norm: "forward" }),
        op.fft(z, { norm: "ortho" }),
        op.ifft(z),
        op.fftShift(five, { complex: false }),
        op.ifftShift(five, { complex: false }),
        op.ifftShift(op.fftShift(five, { complex: false }), { complex: false }),
      ];
    });
    expect(found.map((y) => toNumbers(y).map((v) => Math.round(v * 1e12) / 1e12 + 0))).toEqual([
      [2.5, 0, -0.5, 0.5, -0.5, 0, -0.5, -0.5],
      [10, 0, -2, -2, -2, 0, -2, 2],
      [5, 0, -1, 1, -1, 0, -1, -1],
      [2.5, 0, -0.5, -0.5, -0.5, 0, -0.5, 0.5],
      [3, 4, 0, 1, 2],
      [2, 3, 4, 0, 1],
      [0, 1, 2, 3, 4],
    ]);
  });

  test("errors", () => {
    expect(() => op.fft(op.zeros([4]))).toThrow(
      /fft: needs a complex tensor \[\.\.\., n, 2\], got float32\[4\] \(at .*fourier\.test\.ts/,
    );
    expect(() => op.fft(op.zeros([4, 2]), { axes: 1 })).toThrow(/fft: axis 1 is outside a tensor of rank 1/);
    expect(() => op.fft(op.zeros([4, 4, 2]), { axes: [0, -2] })).toThrow(/an axis is given twice/);
    expect(() => op.fft(op.zeros([0, 2]))).toThrow(/axis 0 of float32\[0,2\] has no elements/);
    expect(() => op.irfft(op.zeros([3, 2]), { sizes: 6 })).toThrow(
      /irfft: sizes \[6\] on axes \[0\] do not come from float32\[3,2\]/,
    );
    expect(() => op.rfft(op.zeros([4], "int32"))).toThrow(/rfft: needs float32 or float64/);
    expect(() => op.fftShift(op.zeros([4]))).toThrow(/`complex: false` shifts a real one/);
  });
});
