// The loops of src/training/logistic-runs.ts in AssemblyScript: four trainings of logistic regression at a time, which
// share their batches, two float64 in each instruction (WebAssembly SIMD). Addresses are byte offsets into the imported
// memory. Built by `npm run build:wasm` into src/training/logistic-runs.wasm.ts.

/**
 * Takes all steps of four trainings.
 *
 * @param theta [width, 4]: the parameters, changed in place
 * @param width a multiple of 4
 * @param x [rows + 1, width], the last row zeros; four columns are taken in one turn of a loop
 * @param y [rows + 1]
 * @param mask [rows + 1, 4]: 1 for each row that a training has, 0 where it lacks it and in the last row
 * @param order int32: the rows of all batches one after the other, each batch filled up to a multiple of 5 by the last row
 * @param weights float64 for each entry of `order`
 * @param sizes int32: the rows of each batch before it was filled up
 * @param rates float64: the learning rate of each step
 * @param scratch [most entries of a batch, 4] float64
 * @param renormalizes whether a batch that lacks rows is divided by what is left
 */
export function train(
  theta: usize,
  width: i32,
  x: usize,
  y: usize,
  mask: usize,
  order: usize,
  weights: usize,
  sizes: usize,
  rates: usize,
  scratch: usize,
  steps: i32,
  rowPenalty: f64,
  weightDecay: f64,
  renormalizes: i32,
): void {
  for (let step = 0; step < steps; step++) {
    const size = i32.load(sizes + ((<usize>step) << 2));
    const filled = ((size + 4) / 5) * 5;
    const share = f64.load(rates + ((<usize>step) << 3)) / <f64>size;
    for (let k = 0; k < filled; k += 5)
      logits(theta, width, x, order + ((<usize>k) << 2), scratch + ((<usize>k) << 5));
    let share0 = f64x2.splat(share);
    let share1 = share0;
    if (renormalizes > 0) {
      const one = f64x2.splat(1);
      let left0 = f64x2.splat(0);
      let left1 = left0;
      for (let k: usize = 0; k < <usize>size; k++) {
        const present = mask + ((<usize>i32.load(order + (k << 2))) << 5);
        left0 = f64x2.add(left0, v128.load(present));
        left1 = f64x2.add(left1, v128.load(present, 16));
      }
      const rate = f64x2.splat(share * <f64>size);
      share0 = f64x2.div(rate, f64x2.max(left0, one));
      share1 = f64x2.div(rate, f64x2.max(left1, one));
    }
    let mass0 = f64x2.splat(0);
    let mass1 = mass0;
    // What fills up the batch has a mask of 0.
    for (let k: usize = 0; k < <usize>filled; k++) {
      const row = <usize>i32.load(order + (k << 2));
      const present = mask + (row << 5);
      const label = v128.load64_splat(y + (row << 3));
      const weight = v128.load64_splat(weights + (k << 3));
      const at = scratch + (k << 5);
      const weight0 = f64x2.mul(weight, v128.load(present));
      const weight1 = f64x2.mul(weight, v128.load(present, 16));
      mass0 = f64x2.add(mass0, weight0);
      mass1 = f64x2.add(mass1, weight1);
      const error0 = f64x2.sub(sigmoid(v128.load(at)), label);
      const error1 = f64x2.sub(sigmoid(v128.load(at, 16)), label);
      v128.store(at, f64x2.mul(f64x2.mul(share0, weight0), error0));
      v128.store(at, f64x2.mul(f64x2.mul(share1, weight1), error1), 16);
    }
    const penalty = f64x2.splat(rowPenalty);
    const whole = f64x2.splat(1 - f64.load(rates + ((<usize>step) << 3)) * weightDecay);
    let kept0 = f64x2.sub(whole, f64x2.mul(share0, f64x2.mul(penalty, mass0)));
    let kept1 = f64x2.sub(whole, f64x2.mul(share1, f64x2.mul(penalty, mass1)));
    for (let k = 0; k < filled; k += 5) {
      update(theta, width, x, order + ((<usize>k) << 2), scratch + ((<usize>k) << 5), kept0, kept1);
      kept0 = f64x2.splat(1);
      kept1 = f64x2.splat(1);
    }
    order += (<usize>filled) << 2;
    weights += (<usize>filled) << 3;
  }
}

/** (-1)^n / n! for n = 0 to 13, and what {@link sigmoid} needs besides: numbers from memory are cheaper than those in the code. */
const numbers = memory.data<f64>([
  1.0,
  -1.0,
  0.5,
  -1.0 / 6.0,
  1.0 / 24.0,
  -1.0 / 120.0,
  1.0 / 720.0,
  -1.0 / 5040.0,
  1.0 / 40320.0,
  -1.0 / 362880.0,
  1.0 / 3628800.0,
  -1.0 / 39916800.0,
  1.0 / 479001600.0,
  -1.0 / 6227020800.0,
  700.0,
  -700.0,
  -Math.LOG2E,
  6755399441056767.0,
  0.6931471803691238,
  1.9082149292705877e-10,
]);

/** 1 / (1 + e^-z) of two numbers, to rounding. */
function sigmoid(logits: v128): v128 {
  // e^-z = 2^n e^-q with |q| at most half the logarithm of 2; beyond 700 the sigmoid is 0 or 1 to rounding.
  const z = f64x2.pmax(f64x2.pmin(logits, v128.load64_splat(numbers, 112)), v128.load64_splat(numbers, 120));
  // Adding 1.5 2^52 rounds to whole numbers and leaves n + 1023 in the lowest bits, the exponent of 2^n once they are shifted.
  const shifter = v128.load64_splat(numbers, 136);
  const shifted = f64x2.add(f64x2.mul(z, v128.load64_splat(numbers, 128)), shifter);
  const n = f64x2.sub(shifted, shifter);
  // The logarithm of 2 in two parts, so that n times the first is exact.
  const q = f64x2.add(
    f64x2.add(z, f64x2.mul(n, v128.load64_splat(numbers, 144))),
    f64x2.mul(n, v128.load64_splat(numbers, 152)),
  );
  // Taylor's polynomial of degree 13, whose rest is below 1e-17, by halves of halves (Estrin): a chain would wait for itself.
  const q2 = f64x2.mul(q, q);
  const q4 = f64x2.mul(q2, q2);
  const q8 = f64x2.mul(q4, q4);
  const one = v128.load64_splat(numbers);
  const p01 = f64x2.sub(one, q);
  const p2 = f64x2.add(v128.load64_splat(numbers, 16), f64x2.mul(v128.load64_splat(numbers, 24), q));
  const p4 = f64x2.add(v128.load64_splat(numbers, 32), f64x2.mul(v128.load64_splat(numbers, 40), q));
  const p6 = f64x2.add(v128.load64_splat(numbers, 48), f64x2.mul(v128.load64_splat(numbers, 56), q));
  const p8 = f64x2.add(v128.load64_splat(numbers, 64), f64x2.mul(v128.load64_splat(numbers, 72), q));
  const p10 = f64x2.add(v128.load64_splat(numbers, 80), f64x2.mul(v128.load64_splat(numbers, 88), q));
  const p12 = f64x2.add(v128.load64_splat(numbers, 96), f64x2.mul(v128.load64_splat(numbers, 104), q));
  const low = f64x2.add(f64x2.add(p01, f64x2.mul(p2, q2)), f64x2.mul(f64x2.add(p4, f64x2.mul(p6, q2)), q4));
  const high = f64x2.add(f64x2.add(p8, f64x2.mul(p10, q2)), f64x2.mul(p12, q4));
  const p = f64x2.add(low, f64x2.mul(high, q8));
  return f64x2.div(one, f64x2.add(one, f64x2.mul(p, i64x2.shl(shifted, 52))));
}

/** out[k, :] = x[order[k], :] . theta for five rows */
function logits(theta: usize, width: i32, x: usize, order: usize, out: usize): void {
  const bytes = (<usize>width) << 3;
  const p0 = x + <usize>i32.load(order) * bytes;
  const p1 = x + <usize>i32.load(order, 4) * bytes;
  const p2 = x + <usize>i32.load(order, 8) * bytes;
  const p3 = x + <usize>i32.load(order, 12) * bytes;
  const p4 = x + <usize>i32.load(order, 16) * bytes;
  let a0 = f64x2.splat(0);
  let a1 = f64x2.splat(0);
  let a2 = f64x2.splat(0);
  let a3 = f64x2.splat(0);
  let a4 = f64x2.splat(0);
  let b0 = f64x2.splat(0);
  let b1 = f64x2.splat(0);
  let b2 = f64x2.splat(0);
  let b3 = f64x2.splat(0);
  let b4 = f64x2.splat(0);
  for (let i: usize = 0, t = theta; i < bytes; i += 32, t += 128) {
    let first: v128;
    let second: v128;
    let value: v128;
    first = v128.load(t);
    second = v128.load(t, 16);
    value = v128.load64_splat(p0 + i);
    a0 = f64x2.add(a0, f64x2.mul(value, first));
    b0 = f64x2.add(b0, f64x2.mul(value, second));
    value = v128.load64_splat(p1 + i);
    a1 = f64x2.add(a1, f64x2.mul(value, first));
    b1 = f64x2.add(b1, f64x2.mul(value, second));
    value = v128.load64_splat(p2 + i);
    a2 = f64x2.add(a2, f64x2.mul(value, first));
    b2 = f64x2.add(b2, f64x2.mul(value, second));
    value = v128.load64_splat(p3 + i);
    a3 = f64x2.add(a3, f64x2.mul(value, first));
    b3 = f64x2.add(b3, f64x2.mul(value, second));
    value = v128.load64_splat(p4 + i);
    a4 = f64x2.add(a4, f64x2.mul(value, first));
    b4 = f64x2.add(b4, f64x2.mul(value, second));
    first = v128.load(t, 32);
    second = v128.load(t, 48);
    value = v128.load64_splat(p0 + i, 8);
    a0 = f64x2.add(a0, f64x2.mul(value, first));
    b0 = f64x2.add(b0, f64x2.mul(value, second));
    value = v128.load64_splat(p1 + i, 8);
    a1 = f64x2.add(a1, f64x2.mul(value, first));
    b1 = f64x2.add(b1, f64x2.mul(value, second));
    value = v128.load64_splat(p2 + i, 8);
    a2 = f64x2.add(a2, f64x2.mul(value, first));
    b2 = f64x2.add(b2, f64x2.mul(value, second));
    value = v128.load64_splat(p3 + i, 8);
    a3 = f64x2.add(a3, f64x2.mul(value, first));
    b3 = f64x2.add(b3, f64x2.mul(value, second));
    value = v128.load64_splat(p4 + i, 8);
    a4 = f64x2.add(a4, f64x2.mul(value, first));
    b4 = f64x2.add(b4, f64x2.mul(value, second));
    first = v128.load(t, 64);
    second = v128.load(t, 80);
    value = v128.load64_splat(p0 + i, 16);
    a0 = f64x2.add(a0, f64x2.mul(value, first));
    b0 = f64x2.add(b0, f64x2.mul(value, second));
    value = v128.load64_splat(p1 + i, 16);
    a1 = f64x2.add(a1, f64x2.mul(value, first));
    b1 = f64x2.add(b1, f64x2.mul(value, second));
    value = v128.load64_splat(p2 + i, 16);
    a2 = f64x2.add(a2, f64x2.mul(value, first));
    b2 = f64x2.add(b2, f64x2.mul(value, second));
    value = v128.load64_splat(p3 + i, 16);
    a3 = f64x2.add(a3, f64x2.mul(value, first));
    b3 = f64x2.add(b3, f64x2.mul(value, second));
    value = v128.load64_splat(p4 + i, 16);
    a4 = f64x2.add(a4, f64x2.mul(value, first));
    b4 = f64x2.add(b4, f64x2.mul(value, second));
    first = v128.load(t, 96);
    second = v128.load(t, 112);
    value = v128.load64_splat(p0 + i, 24);
    a0 = f64x2.add(a0, f64x2.mul(value, first));
    b0 = f64x2.add(b0, f64x2.mul(value, second));
    value = v128.load64_splat(p1 + i, 24);
    a1 = f64x2.add(a1, f64x2.mul(value, first));
    b1 = f64x2.add(b1, f64x2.mul(value, second));
    value = v128.load64_splat(p2 + i, 24);
    a2 = f64x2.add(a2, f64x2.mul(value, first));
    b2 = f64x2.add(b2, f64x2.mul(value, second));
    value = v128.load64_splat(p3 + i, 24);
    a3 = f64x2.add(a3, f64x2.mul(value, first));
    b3 = f64x2.add(b3, f64x2.mul(value, second));
    value = v128.load64_splat(p4 + i, 24);
    a4 = f64x2.add(a4, f64x2.mul(value, first));
    b4 = f64x2.add(b4, f64x2.mul(value, second));
  }
  v128.store(out, a0);
  v128.store(out, b0, 16);
  v128.store(out, a1, 32);
  v128.store(out, b1, 48);
  v128.store(out, a2, 64);
  v128.store(out, b2, 80);
  v128.store(out, a3, 96);
  v128.store(out, b3, 112);
  v128.store(out, a4, 128);
  v128.store(out, b4, 144);
}

/** theta = kept theta - sum over five rows of slopes[k, :] x[order[k], :] */
function update(
  theta: usize,
  width: i32,
  x: usize,
  order: usize,
  slopes: usize,
  kept0: v128,
  kept1: v128,
): void {
  const bytes = (<usize>width) << 3;
  const p0 = x + <usize>i32.load(order) * bytes;
  const p1 = x + <usize>i32.load(order, 4) * bytes;
  const p2 = x + <usize>i32.load(order, 8) * bytes;
  const p3 = x + <usize>i32.load(order, 12) * bytes;
  const p4 = x + <usize>i32.load(order, 16) * bytes;
  const a0 = v128.load(slopes);
  const b0 = v128.load(slopes, 16);
  const a1 = v128.load(slopes, 32);
  const b1 = v128.load(slopes, 48);
  const a2 = v128.load(slopes, 64);
  const b2 = v128.load(slopes, 80);
  const a3 = v128.load(slopes, 96);
  const b3 = v128.load(slopes, 112);
  const a4 = v128.load(slopes, 128);
  const b4 = v128.load(slopes, 144);
  for (let i: usize = 0, t = theta; i < bytes; i += 32, t += 128) {
    let first: v128;
    let second: v128;
    let value: v128;
    value = v128.load64_splat(p0 + i);
    first = f64x2.mul(value, a0);
    second = f64x2.mul(value, b0);
    value = v128.load64_splat(p1 + i);
    first = f64x2.add(first, f64x2.mul(value, a1));
    second = f64x2.add(second, f64x2.mul(value, b1));
    value = v128.load64_splat(p2 + i);
    first = f64x2.add(first, f64x2.mul(value, a2));
    second = f64x2.add(second, f64x2.mul(value, b2));
    value = v128.load64_splat(p3 + i);
    first = f64x2.add(first, f64x2.mul(value, a3));
    second = f64x2.add(second, f64x2.mul(value, b3));
    value = v128.load64_splat(p4 + i);
    first = f64x2.add(first, f64x2.mul(value, a4));
    second = f64x2.add(second, f64x2.mul(value, b4));
    v128.store(t, f64x2.sub(f64x2.mul(kept0, v128.load(t)), first));
    v128.store(t, f64x2.sub(f64x2.mul(kept1, v128.load(t, 16)), second), 16);
    value = v128.load64_splat(p0 + i, 8);
    first = f64x2.mul(value, a0);
    second = f64x2.mul(value, b0);
    value = v128.load64_splat(p1 + i, 8);
    first = f64x2.add(first, f64x2.mul(value, a1));
    second = f64x2.add(second, f64x2.mul(value, b1));
    value = v128.load64_splat(p2 + i, 8);
    first = f64x2.add(first, f64x2.mul(value, a2));
    second = f64x2.add(second, f64x2.mul(value, b2));
    value = v128.load64_splat(p3 + i, 8);
    first = f64x2.add(first, f64x2.mul(value, a3));
    second = f64x2.add(second, f64x2.mul(value, b3));
    value = v128.load64_splat(p4 + i, 8);
    first = f64x2.add(first, f64x2.mul(value, a4));
    second = f64x2.add(second, f64x2.mul(value, b4));
    v128.store(t, f64x2.sub(f64x2.mul(kept0, v128.load(t, 32)), first), 32);
    v128.store(t, f64x2.sub(f64x2.mul(kept1, v128.load(t, 48)), second), 48);
    value = v128.load64_splat(p0 + i, 16);
    first = f64x2.mul(value, a0);
    second = f64x2.mul(value, b0);
    value = v128.load64_splat(p1 + i, 16);
    first = f64x2.add(first, f64x2.mul(value, a1));
    second = f64x2.add(second, f64x2.mul(value, b1));
    value = v128.load64_splat(p2 + i, 16);
    first = f64x2.add(first, f64x2.mul(value, a2));
    second = f64x2.add(second, f64x2.mul(value, b2));
    value = v128.load64_splat(p3 + i, 16);
    first = f64x2.add(first, f64x2.mul(value, a3));
    second = f64x2.add(second, f64x2.mul(value, b3));
    value = v128.load64_splat(p4 + i, 16);
    first = f64x2.add(first, f64x2.mul(value, a4));
    second = f64x2.add(second, f64x2.mul(value, b4));
    v128.store(t, f64x2.sub(f64x2.mul(kept0, v128.load(t, 64)), first), 64);
    v128.store(t, f64x2.sub(f64x2.mul(kept1, v128.load(t, 80)), second), 80);
    value = v128.load64_splat(p0 + i, 24);
    first = f64x2.mul(value, a0);
    second = f64x2.mul(value, b0);
    value = v128.load64_splat(p1 + i, 24);
    first = f64x2.add(first, f64x2.mul(value, a1));
    second = f64x2.add(second, f64x2.mul(value, b1));
    value = v128.load64_splat(p2 + i, 24);
    first = f64x2.add(first, f64x2.mul(value, a2));
    second = f64x2.add(second, f64x2.mul(value, b2));
    value = v128.load64_splat(p3 + i, 24);
    first = f64x2.add(first, f64x2.mul(value, a3));
    second = f64x2.add(second, f64x2.mul(value, b3));
    value = v128.load64_splat(p4 + i, 24);
    first = f64x2.add(first, f64x2.mul(value, a4));
    second = f64x2.add(second, f64x2.mul(value, b4));
    v128.store(t, f64x2.sub(f64x2.mul(kept0, v128.load(t, 96)), first), 96);
    v128.store(t, f64x2.sub(f64x2.mul(kept1, v128.load(t, 112)), second), 112);
  }
}
