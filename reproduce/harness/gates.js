/**
 * Whether a measured number is where it must be, as an item of a Markdown list.
 *
 * @param {string} claim
 * @param {number} value
 * @param {{ low?: number, high?: number, digits?: number }} range its ends count
 */
export function gateLine(claim, value, { low = Number.NEGATIVE_INFINITY, high = Infinity, digits = 3 }) {
  const from = Number.isFinite(low) ? [`at least ${low}`] : [];
  const to = Number.isFinite(high) ? [`at most ${high}`] : [];
  const verdict = value >= low && value <= high ? "held" : "**not held**";
  return `- ${claim} ${[...from, ...to].join(", ")}: ${value.toFixed(digits)}, ${verdict}`;
}
