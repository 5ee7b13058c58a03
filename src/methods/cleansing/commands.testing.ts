// Runs of the commands in this process.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { itemAt } from "../../engine/lists.ts";
import { executeCommand } from "../../runs/execute.ts";
import { parseParameters } from "../../runs/parameters.ts";
import { cleansing } from "./method.ts";

/** What a command answers, and its folder. */
export async function executeCleansing(
  commandName: string,
  given: Record<string, unknown>,
  { seed = 0, out }: { readonly seed?: number; readonly out: string },
) {
  const { parameters } = itemAt([cleansing.commands[commandName]], 0);
  const { result } = await executeCommand({
    method: cleansing,
    commandName,
    parameters: parseParameters(parameters, given),
    options: { seed, threads: 1, out },
  });
  return { out, result };
}

/** The lines of a table of a run, by the names of its columns; of tables without commas in their cells. */
export function tableOf(out: string, name: string): Record<string, string>[] {
  const [header = "", ...lines] = readFileSync(join(out, "tables", `${name}.csv`), "utf8")
    .trim()
    .split(/\r?\n/);
  const names = header.split(",");
  return lines.map((line) => Object.fromEntries(line.split(",").map((cell, i) => [names[i] ?? "", cell])));
}
