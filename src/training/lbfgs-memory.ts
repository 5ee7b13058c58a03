// The limited memory of L-BFGS: the last pairs s = x+ - x, y = g+ - g, and the product of the inverse Hessian
// they imply with a gradient (J. Nocedal, "Updating Quasi-Newton Matrices with Limited Storage", 1980).
//
// The two-loop recursion takes 2m inner products one after the other, each with a vector just changed. As
// s_i . (q - sum_j a_j y_j) = s_i . q - sum_j a_j (s_i . y_j), the same numbers come from one product of all
// rows with q and the small matrix s_i . y_j, which gains one column per new pair. The passes over memory
// then take four rows at a time and run almost twice as fast; the results differ by rounding alone.
import { createRowKernel, type RowKernel, wholeGroups } from "../numeric/row-kernel.ts";
import { dot } from "../numeric/rows.ts";

/** The pairs, in ring buffers of `capacity` rows; plain data, so that `structuredClone` of it is a checkpoint. */
export interface LbfgsMemory {
  readonly capacity: number;
  /** Rows s, then rows y; the number of each and the length of a row are padded to multiples of 4. */
  pairs: Float64Array;
  /** s_i . y_j at [i, j] for every y_j that is not older than s_i; `capacity` x `capacity`. */
  readonly products: Float64Array;
  /** How many pairs are held. */
  count: number;
  /** The row of the oldest pair. */
  oldest: number;
  /** The initial inverse Hessian is this multiple of the identity. */
  scale: number;
}

/** The kernel whose matrix is a memory's `pairs`. A clone has none yet. */
const kernels = new WeakMap<Float64Array, RowKernel>();

/** An empty memory for `capacity` pairs of vectors of length `n`. */
export function createMemory(n: number, capacity: number): LbfgsMemory {
  const kernel = createRowKernel(2 * wholeGroups(capacity), n);
  kernels.set(kernel.matrix, kernel);
  return {
    capacity,
    pairs: kernel.matrix,
    products: new Float64Array(capacity * capacity),
    count: 0,
    oldest: 0,
    scale: 1,
  };
}

function kernelOf(memory: LbfgsMemory, n: number): RowKernel {
  const known = kernels.get(memory.pairs);
  if (known !== undefined) return known;
  const kernel = createRowKernel(2 * wholeGroups(memory.capacity), n);
  kernel.matrix.set(memory.pairs);
  kernels.set(kernel.matrix, kernel);
  memory.pairs = kernel.matrix;
  return kernel;
}

/**
 * Takes in the newest pair, unless its curvature s . y is at most 1e-10 (PyTorch's threshold), and writes
 * the direction -H gradient.
 *
 * @param s the last step, length n
 * @param y the change of the gradient over it, length n
 * @param gradient length n
 * @param direction receives the direction, length n
 */
export function quasiNewtonDirection(
  memory: LbfgsMemory,
  s: Float64Array,
  y: Float64Array,
  gradient: Float64Array,
  direction: Float64Array,
): void {
  const { capacity, products } = memory;
  const n = gradient.length;
  const kernel = kernelOf(memory, n);
  const { matrix, stride, v, w, alongV, alongW, weights } = kernel;
  const firstOfY = wholeGroups(capacity);
  for (let i = 0; i < n; i++) v[i] = -(gradient[i] as number);

  const curvature = dot(y, s);
  if (curvature > 1e-10) {
    const row = (memory.oldest + memory.count) % capacity;
    if (memory.count === capacity) memory.oldest = (memory.oldest + 1) % capacity;
    else memory.count++;
    matrix.set(s, row * stride);
    matrix.set(y, (firstOfY + row) * stride);
    w.set(y);
    kernel.productsOfTwo(0, memory.count);
    for (let i = 0; i < memory.count; i++) products[i * capacity + row] = alongW[i] as number;
    products[row * capacity + row] = curvature;
    memory.scale = curvature / dot(y, y);
  } else kernel.products(0, memory.count);

  const { count, oldest, scale } = memory;
  // alongW[i] becomes a_i = rho_i s_i . q_i, newest first.
  weights.fill(0);
  for (let age = count - 1; age >= 0; age--) {
    const i = (oldest + age) % capacity;
    let sum = alongV[i] as number;
    for (let newer = age + 1; newer < count; newer++) {
      const j = (oldest + newer) % capacity;
      sum += (weights[j] as number) * (products[i * capacity + j] as number);
    }
    const a = sum / (products[i * capacity + i] as number);
    alongW[i] = a;
    weights[i] = -a;
  }
  // v becomes r_0 = scale q, alongV its products with the rows y.
  kernel.addThenProducts(firstOfY, count, scale);

  // weights[i] becomes a_i - b_i with b_i = rho_i y_i . r_i, oldest first.
  for (let age = 0; age < count; age++) {
    const i = (oldest + age) % capacity;
    let sum = alongV[i] as number;
    for (let older = 0; older < age; older++) {
      const j = (oldest + older) % capacity;
      sum += (weights[j] as number) * (products[j * capacity + i] as number);
    }
    weights[i] = (alongW[i] as number) - sum / (products[i * capacity + i] as number);
  }
  kernel.add(0, count);
  direction.set(v);
}
