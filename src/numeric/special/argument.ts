/**
 * Sees to it that an argument lies in a function's domain, given as a test and in words.
 *
 * @throws RangeError "erf: x NaN is not a number"
 */
export function checkArgument(
  call: string,
  name: string,
  value: number,
  valid: boolean,
  domain: string,
): void {
  if (!valid) throw new RangeError(`${call}: ${name} ${value} is not ${domain}`);
}
