import type { Command, Method } from "./method.ts";
import { describeParameters } from "./parameters.ts";

export interface CommandLineRequest {
  readonly method: Method;
  readonly commandName: string;
  readonly command: Command;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly seed: number;
  /** Only where the user chose a number. */
  readonly threads?: number | undefined;
  readonly png?: boolean | undefined;
}

/** What to type to run a command with these parameters; what stands at its default is left out. */
export function formatCommandLine(request: CommandLineRequest): string {
  const { method, commandName, command, parameters, seed, threads, png } = request;
  const positional: string[] = [];
  const options: string[] = [];
  for (const description of describeParameters(command.parameters)) {
    const value = parameters[description.name];
    if (value === undefined) continue;
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (description.positional) positional.push(...list.map((item) => quoteForShell(String(item))));
    else if (String(value) === String(description.defaultValue)) continue;
    else if (typeof value === "boolean")
      options.push(value ? description.label : description.label.replace("--", "--no-"));
    else options.push(description.label, quoteForShell(list.join(",")));
  }
  options.push("--seed", String(seed));
  if (threads !== undefined) options.push("--threads", String(threads));
  const start = ["npx fallline", method.name, commandName];
  if (png) options.push("--png");
  // A file named like an option can only stand behind `--`.
  const typed = positional.some((argument) => /^'?-/.test(argument))
    ? [...start, ...options, "--", ...positional]
    : [...start, ...positional, ...options];
  return typed.join(" ");
}

function quoteForShell(text: string): string {
  return /^[\w./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
