/** `fallline runs`, `show` and `compare`: what was run, and what came of it. */
import { existsSync } from "node:fs";
import type { Command as Program } from "commander";
import { InputError } from "../data/input-error.ts";
import { comparisonOf, flatten, lastMeasurements } from "../runs/comparison.ts";
import { formatSeconds } from "../runs/format.ts";
import { toJson } from "../runs/json.ts";
import { findRun, type ListedRun, listRuns } from "../runs/run-list.ts";
import { type RunRecord, readRunRecord } from "../runs/run-record.ts";
import { formatCell, textTable } from "./text-table.ts";

/** Adds the commands to the page of all commands. */
export function addRunCommands(program: Program, write: (text: string) => void): void {
  const page = (name: string, description: string): Program =>
    program
      .command(name)
      .description(description)
      .option("--json", "Print one JSON object and nothing else")
      .helpOption("-h, --help", "Print this page");
  const wantsJson = (command: Program): boolean => command.opts<{ json?: boolean }>().json === true;

  page("runs", "List the runs in a folder")
    .argument("[DIR]", "the folder that holds the runs' folders; runs when not given")
    .action(async (given: string | undefined, _, command: Program) => {
      const folder = given ?? "runs";
      const runs = given === undefined && !existsSync(folder) ? [] : await listRuns(folder);
      write(wantsJson(command) ? `${toJson({ folder, runs })}\n` : runsPage(folder, runs));
    });
  page("show", "Show a run: its answer, values, caveats and files")
    .argument("[RUN]", "the folder of a run, or its name in runs/")
    .action(async (name: string | undefined, _, command: Program) => {
      if (name === undefined) throw new InputError("RUN: expected the folder of a run, found nothing");
      const folder = await findRun(name);
      const record = await readRunRecord(folder);
      write(wantsJson(command) ? `${toJson({ folder, ...record })}\n` : runPage(folder, record));
    });
  page("compare", "Table the parameters, values and metrics of runs side by side")
    .argument("[RUN...]", "folders of runs, or their names in runs/")
    .action(async (names: readonly string[], _, command: Program) => {
      if (names.length < 2)
        throw new InputError(
          `RUN...: expected two runs or more, found ${names.length === 0 ? "none" : "one"}`,
        );
      const runs: ComparedFolder[] = [];
      for (const name of names) {
        const folder = await findRun(name);
        runs.push({ folder, record: await readRunRecord(folder), metrics: await lastMeasurements(folder) });
      }
      const rows = comparisonOf(runs);
      if (!wantsJson(command)) return write(comparisonPage(runs, rows));
      const listed = runs.map(({ folder, record: { method, command: name, state, startedAt } }) => ({
        folder,
        method,
        command: name,
        state,
        startedAt,
      }));
      // A run that lacks a row stands as null: JSON has no undefined.
      const table = rows.map((row) => ({ ...row, values: row.values.map((value) => value ?? null) }));
      write(`${toJson({ runs: listed, rows: table })}\n`);
    });
}

interface ComparedFolder {
  readonly folder: string;
  readonly record: RunRecord;
  readonly metrics: Awaited<ReturnType<typeof lastMeasurements>>;
}

function runsPage(folder: string, runs: readonly ListedRun[]): string {
  if (runs.length === 0) return `There are no runs in ${folder}.\n`;
  const rows = runs.map((run) => {
    if ("problem" in run) return [run.folder, "broken", "", "", run.problem];
    const { record } = run;
    const said = record.answer ?? record.error ?? "";
    return [run.folder, record.state, `${record.method} ${record.command}`, minuteOf(record), said];
  });
  return textTable([["run", "state", "command", "begun (UTC)", "answer"], ...rows]);
}

function runPage(folder: string, record: RunRecord): string {
  const took = record.seconds === undefined ? "" : `, ${formatSeconds(record.seconds)}`;
  const parts = [
    `${record.method} ${record.command}: ${record.state}, begun ${minuteOf(record)} UTC${took}, seed ${record.seed}\n`,
    `${record.commandLine}\n`,
  ];
  if (record.answer !== undefined) parts.push(`\n${record.answer}\n`);
  if (record.error !== undefined) parts.push(`\nIt failed: ${record.error}\n`);
  if (record.state === "interrupted" || record.state === "failed")
    parts.push(`\nTo go on: npx fallline ${record.method} ${record.command} --resume ${folder}\n`);
  const values = [...flatten(record.values ?? {})].map(([name, value]) => [name, formatCell(value)]);
  if (values.length > 0) parts.push(`\nValues\n${textTable(values, { indent: 2 })}`);
  if (record.notes.length > 0)
    parts.push(`\nWhat to keep in mind\n${record.notes.map((note) => `  ${note}\n`).join("")}`);
  const files = record.items.map(({ path, caption }) => [path, caption]);
  if (record.state === "done") files.unshift(["report.html", "All of this as one page."]);
  if (files.length > 0) parts.push(`\nFiles in ${folder}\n${textTable(files, { indent: 2 })}`);
  return parts.join("");
}

function comparisonPage(runs: readonly ComparedFolder[], rows: ReturnType<typeof comparisonOf>): string {
  const about = (label: string, of: (run: ComparedFolder) => string): string[] => [
    "",
    label,
    ...runs.map(of),
  ];
  const head = [
    about("run", ({ folder }) => folder),
    about("command", ({ record }) => `${record.method} ${record.command}`),
    about("state", ({ record }) => record.state),
    about("begun (UTC)", ({ record }) => minuteOf(record)),
    about("time", ({ record }) => (record.seconds === undefined ? "-" : formatSeconds(record.seconds))),
  ];
  const section = (title: string, differs: boolean): string[][] => {
    const chosen = rows.filter((row) => row.differs === differs);
    if (chosen.length === 0) return [];
    return [[], [title], ...chosen.map(({ kind, name, values }) => [kind, name, ...values.map(formatCell)])];
  };
  return textTable([...head, ...section("differs", true), ...section("same", false)]);
}

function minuteOf(record: RunRecord): string {
  return record.startedAt.slice(0, 16).replace("T", " ");
}
