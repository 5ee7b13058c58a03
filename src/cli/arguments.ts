/** Texts of the command line as values for a parameter's schema, which then judges them. */
import { InputError } from "../data/input-error.ts";
import type { ParameterDescription } from "../runs/parameters.ts";

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * The value that a text stands for: a number where the parameter takes numbers and the text is one, a list at its
 * commas where it takes lists, else the text.
 *
 * @throws InputError when the "text" is the next option: the value was forgotten
 */
export function readArgument(description: ParameterDescription, text: string | readonly string[]): unknown {
  if (typeof text !== "string") return text.map((item) => readItem(description, item));
  if (text.startsWith("--"))
    throw new InputError(`${description.label}: expected ${description.accepted}, found the option ${text}`);
  if (description.takes.list) return text.split(",").map((item) => readItem(description, item));
  return readItem(description, text);
}

function readItem({ takes }: ParameterDescription, text: string): unknown {
  return takes.number && decimal.test(text) ? Number(text) : text;
}
