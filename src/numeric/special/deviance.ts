/**
 * ln(ratio) - excess for ratio = 1 + excess > 0, without the cancellation of the two near ratio 1. Relative error below
 * 1e-15.
 *
 * With r = excess / (2 + excess), ln(1 + excess) = 2 artanh(r) and excess = 2r + r excess: the leading terms cancel exactly.
 *
 * @param excess ratio - 1, which the caller knows better than that difference where ratio is near 1
 */
export function logRatioMinusExcess(ratio: number, excess: number): number {
  if (excess < -0.6 || excess > 1) return Math.log(ratio) - excess;
  const r = excess / (2 + excess);
  const square = r * r;
  let sum = 0;
  let power = r * square;
  for (let k = 3; ; k += 2) {
    const next = sum + power / k;
    if (next === sum) break;
    sum = next;
    power *= square;
  }
  return 2 * sum - r * excess;
}
