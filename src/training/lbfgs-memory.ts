// The limited memory of L-BFGS: the last pairs s = x+ - x, y = g+ - g, and the product of the inverse Hessian
// they imply with a gradient (J. Nocedal, "Updating Quasi-Newton Matrices with Limited Storage", 1980).
//
// The two-loop recursion takes 2m inner products one after the other, each with a vector just changed. As
// s_i . (q - sum_j a_j y_j) = s_i . q - sum_j a_j (s_i . y_j), the same numbers come from one product of all
// rows with q and the small matrix s_i . y_j, which gains one column per new pair. The passes over memory
// then take four rows at a time and run almost twice as fast; the results differ by rounding alone.
import { addRows, dot, rowProducts, rowProductsOfTwo } from "../numeric/rows.ts";

/** The pairs, in ring buffers of `capacity` rows; plain data, so that a copy of it is a checkpoint. */
export interface LbfgsMemory {
  readonly capacity: number;
  /** Rows s of `capacity` x n, then rows y of `capacity` x n. */
  readonly pairs: Float64Array;
  /** s_i . y_j at [i, j] for every y_j that is not older than s_i; `capacity` x `capacity`. */
  readonly products: Float64Array;
  /** How many pairs are held. */
  count: number;
  /** The row of the oldest pair. */
  oldest: number;
  /** The initial inverse Hessian is this multiple of the identity. */
  scale: number;
}

/** An empty memory for `capacity` pairs of vectors of length `n`. */
export function createMemory(n: number, capacity: number): LbfgsMemory {
  return {
    capacity,
    pairs: new Float64Array(2 * capacity * n),
    products: new Float64Array(capacity * capacity),
    count: 0,
    oldest: 0,
    scale: 1,
  };
}

/** Buffers that {@link quasiNewtonDirection} works in. */
export interface DirectionWorkspace {
  readonly alongS: Float64Array;
  readonly alongY: Float64Array;
  readonly weights: Float64Array;
}

/** Buffers for a memory of `capacity` pairs. */
export function directionWorkspace(capacity: number): DirectionWorkspace {
  return {
    alongS: new Float64Array(capacity),
    alongY: new Float64Array(capacity),
    weights: new Float64Array(capacity),
  };
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
  workspace: DirectionWorkspace,
): void {
  const { capacity, pairs, products } = memory;
  const { alongS, alongY, weights } = workspace;
  const n = gradient.length;
  const rowsOfS = pairs.subarray(0, capacity * n);
  const rowsOfY = pairs.subarray(capacity * n);
  for (let i = 0; i < n; i++) direction[i] = -(gradient[i] as number);

  const curvature = dot(y, s);
  if (curvature > 1e-10 && capacity > 0) {
    const row = (memory.oldest + memory.count) % capacity;
    if (memory.count === capacity) memory.oldest = (memory.oldest + 1) % capacity;
    else memory.count++;
    rowsOfS.set(s, row * n);
    rowsOfY.set(y, row * n);
    rowProductsOfTwo(rowsOfS, memory.count, direction, y, alongS, alongY);
    for (let i = 0; i < memory.count; i++) products[i * capacity + row] = alongY[i] as number;
    products[row * capacity + row] = curvature;
  } else rowProducts(rowsOfS, memory.count, direction, alongS);
  if (curvature > 1e-10) memory.scale = curvature / dot(y, y);

  const { count, oldest, scale } = memory;
  // alongS[i] becomes a_i = rho_i s_i . q_i, newest first.
  weights.fill(0);
  for (let age = count - 1; age >= 0; age--) {
    const i = (oldest + age) % capacity;
    let sum = alongS[i] as number;
    for (let newer = age + 1; newer < count; newer++) {
      const j = (oldest + newer) % capacity;
      sum += (weights[j] as number) * (products[i * capacity + j] as number);
    }
    const a = sum / (products[i * capacity + i] as number);
    alongS[i] = a;
    weights[i] = -a;
  }
  addRows(rowsOfY, count, weights, direction);

  for (let i = 0; i < n; i++) direction[i] = (direction[i] as number) * scale;

  // weights[i] becomes a_i - b_i with b_i = rho_i y_i . r_i, oldest first.
  rowProducts(rowsOfY, count, direction, alongY);
  for (let age = 0; age < count; age++) {
    const i = (oldest + age) % capacity;
    let sum = alongY[i] as number;
    for (let older = 0; older < age; older++) {
      const j = (oldest + older) % capacity;
      sum += (weights[j] as number) * (products[j * capacity + i] as number);
    }
    weights[i] = (alongS[i] as number) - sum / (products[i * capacity + i] as number);
  }
  addRows(rowsOfS, count, weights, direction);
}
