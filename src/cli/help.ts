import type { Command, Method } from "../runs/method.ts";
import { type ParameterDescription, typedDefault } from "../runs/parameters.ts";

/** One line on a parameter: what it is, its unit, its range, its default. */
export function describeOption(description: ParameterDescription): string {
  const { description: text, unit, accepted, takes } = description;
  const measured = unit === undefined ? text : `${text}, in ${unit}`;
  if (takes.flag) return measured;
  // A placeholder that lists the choices, or the only one, says it all, and so does a file's.
  const { placeholder } = description;
  const told =
    placeholder.includes("|") ||
    placeholder === accepted ||
    accepted.startsWith("a text") ||
    accepted === text;
  const range = told ? "" : `: ${accepted}`;
  const fallback = typedDefault(description);
  return `${measured}${range}${fallback === "" ? "" : ` (default ${fallback})`}`;
}

/** How a parameter is written in a help page: `--step-size N`, `--no-shade`, `IMAGE...`. */
export function optionFlags({ label, placeholder, takes, defaultValue }: ParameterDescription): string {
  if (takes.flag) return defaultValue === true ? label.replace("--", "--no-") : label;
  return `${label} <${placeholder}>`;
}

export function exampleOf(method: Method, name: string, command: Command): string {
  return `Example:\n  npx fallline ${method.name} ${name} ${command.example}\n`;
}

/** The page of `fallline list`. */
export function listMethods(methods: readonly Method[]): string {
  const lines = methods.flatMap((method) => [
    `${method.name}: ${method.title}`,
    `  ${method.question}`,
    ...Object.entries(method.commands).map(
      ([name, command]) => `  fallline ${method.name} ${name}: ${command.summary}`,
    ),
    "",
  ]);
  return `${lines.join("\n")}`;
}
