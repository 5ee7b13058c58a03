import { gaussLegendre } from "../gauss-rules.ts";
import { checkArgument } from "./argument.ts";
import { normalDistribution } from "./normal.ts";

/** Beyond u = 9, exp(-u^2/2) adds less than the last bit to its integral. */
const cut = 9;

let rule: ReturnType<typeof gaussLegendre> | undefined;

/**
 * Owen's T function: P(X > h and 0 < Y < a X) for two independent standard normal variables. Relative error below
 * 1e-13 for |h| <= 37.
 *
 * Its defining integral by 48 Gauss-Legendre nodes where |a| <= 1, cut where the exponential has died; elsewhere Owen's
 * relation between a and 1/a.
 *
 * @param h any number
 * @param a any number; Infinity is allowed
 * @throws RangeError when one is NaN
 * @see Owen, Annals of Mathematical Statistics 27 (1956) 1075
 */
export function owensT(h: number, a: number): number {
  checkArgument("owensT", "h", h, !Number.isNaN(h), "a number");
  checkArgument("owensT", "a", a, !Number.isNaN(a), "a number");
  const height = Math.abs(h);
  if (a < 0) return -owensT(height, -a);
  if (height === Infinity || a === 0) return 0;
  if (a <= 1) return integral(height, a);
  const first = normalDistribution(-height);
  if (a === Infinity) return 0.5 * first;
  if (height === 0) return Math.atan(a) / (2 * Math.PI);
  const second = normalDistribution(-height * a);
  return 0.5 * first + second * (0.5 - first) - integral(height * a, 1 / a);
}

/** exp(-h^2/2) / 2 pi times the integral of exp(-h^2 x^2 / 2) / (1 + x^2) over x of [0, a]. */
function integral(h: number, a: number): number {
  rule ??= gaussLegendre(48);
  const end = Math.min(a, cut / h);
  let sum = 0;
  for (let i = 0; i < rule.nodes.length; i++) {
    const x = 0.5 * end * (1 + (rule.nodes[i] as number));
    sum += ((rule.weights[i] as number) * Math.exp(-0.5 * (h * x) ** 2)) / (1 + x * x);
  }
  return (0.5 * end * sum * Math.exp(-0.5 * h * h)) / (2 * Math.PI);
}
