/** Runs side by side: what was asked of each and what came out. */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { systemErrorCode } from "../data/input-error.ts";
import type { RunRecord } from "./run-record.ts";

export interface ComparedRow {
  readonly kind: "parameter" | "value" | "metric";
  /** A parameter's name, a value's path (`best.psnr`), or a metric's name: its last measurement is compared. */
  readonly name: string;
  /** One for each run; `undefined` where a run has none. */
  readonly values: readonly unknown[];
  readonly differs: boolean;
}

/** A run as `comparisonOf` takes it. */
export interface ComparedRun {
  readonly record: RunRecord;
  readonly metrics: Readonly<Record<string, LastMeasurement>>;
}

export interface LastMeasurement {
  readonly step: number;
  readonly value: unknown;
}

/** The last measurement of each metric of a run's folder; a line that is not whole is passed over. */
export async function lastMeasurements(folder: string): Promise<Record<string, LastMeasurement>> {
  const last: Record<string, LastMeasurement> = {};
  const input = createReadStream(join(folder, "metrics.jsonl"));
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      const measured = parseLine(line);
      if (measured !== undefined) last[measured.name] = { step: measured.step, value: measured.value };
    }
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
  }
  return last;
}

/** Every parameter, value and metric of the runs; what differs comes first, else the order is that of the runs. */
export function comparisonOf(runs: readonly ComparedRun[]): ComparedRow[] {
  const tables: [ComparedRow["kind"], Map<string, unknown>[]][] = [
    [
      "parameter",
      runs.map(
        ({ record }) =>
          new Map(Object.entries({ ...record.parameters, seed: record.seed, threads: record.threads })),
      ),
    ],
    ["value", runs.map(({ record }) => flatten(record.values ?? {}))],
    [
      "metric",
      runs.map(({ metrics }) => new Map(Object.entries(metrics).map(([name, { value }]) => [name, value]))),
    ],
  ];
  const rows = tables.flatMap(([kind, columns]) => {
    const names = [...new Set(columns.flatMap((column) => [...column.keys()]))];
    return names.map((name): ComparedRow => {
      const values = columns.map((column) => column.get(name));
      const differs = new Set(values.map((value) => JSON.stringify(value) ?? "")).size > 1;
      return { kind, name, values, differs };
    });
  });
  return [...rows.filter(({ differs }) => differs), ...rows.filter(({ differs }) => !differs)];
}

/** Nested values by their path; lists stay whole. */
export function flatten(values: Readonly<Record<string, unknown>>, prefix = ""): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  for (const [key, value] of Object.entries(values)) {
    const path = `${prefix}${key}`;
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      for (const [inner, item] of flatten(value as Record<string, unknown>, `${path}.`))
        flat.set(inner, item);
    else flat.set(path, value);
  }
  return flat;
}

function parseLine(line: string): { name: string; step: number; value: unknown } | undefined {
  try {
    const { name, step, value } = JSON.parse(line) as Record<string, unknown>;
    return typeof name === "string" && typeof step === "number" ? { name, step, value } : undefined;
  } catch {
    return undefined;
  }
}
