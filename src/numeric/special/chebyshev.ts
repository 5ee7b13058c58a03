/**
 * The sum of c[0]/2 + c[1] T1(t) + c[2] T2(t) + ... for t of [-1, 1], by Clenshaw's recurrence.
 */
export function chebyshevSum(coefficients: readonly number[], t: number): number {
  let next = 0;
  let afterNext = 0;
  for (let k = coefficients.length - 1; k >= 1; k--) {
    const value = 2 * t * next - afterNext + (coefficients[k] as number);
    afterNext = next;
    next = value;
  }
  return t * next - afterNext + 0.5 * (coefficients[0] ?? 0);
}

/** c[0] + c[1] x + c[2] x^2 + ..., by Horner's scheme. */
export function polynomialSum(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let k = coefficients.length - 1; k >= 0; k--) sum = sum * x + (coefficients[k] as number);
  return sum;
}
