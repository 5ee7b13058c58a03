/** `fallline data list`, `describe` and `fetch`: the data sets that are known, a file's contents, a download. */
import type { Command as Program } from "commander";
import { InputError } from "../data/input-error.ts";
import type { Row } from "../runs/csv.ts";
import { formatCount } from "../runs/format.ts";
import { toJson } from "../runs/json.ts";
import type { Progress } from "../runs/run.ts";
import { formatCell, textTable } from "./text-table.ts";

/** A public data set that can be fetched. */
export interface DatasetEntry {
  readonly name: string;
  readonly title: string;
  readonly licence: string;
  /** Bytes to download. */
  readonly bytes: number;
}

/** What a file holds. */
export interface FileDescription {
  /** One line: "table of 32,561 rows and 15 columns (CSV)". */
  readonly summary: string;
  /** A row for each column, image class or array. */
  readonly parts: readonly Row[];
  readonly notices: readonly string[];
}

export interface FetchedFiles {
  readonly name: string;
  readonly title: string;
  readonly licence: string;
  readonly folder: string;
  readonly files: readonly string[];
  /** Files that were downloaded now; the rest was there. */
  readonly downloaded: number;
}

/** What a long piece of work is watched and stopped by. */
export interface Watch {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/** What the data room gives the command line. */
export interface DataRoom {
  listDatasets(): readonly DatasetEntry[];
  /** @throws InputError for a file that cannot be read or is of no known kind */
  describeFile(path: string, options: Pick<Watch, "signal">): Promise<FileDescription>;
  /** @throws InputError for a name that is not listed, an address that cannot be reached, a wrong digest */
  fetchDataset(
    name: string,
    options: Pick<Watch, "signal"> & { onProgress(done: number, total: number, label: string): void },
  ): Promise<FetchedFiles>;
}

export interface DataCommandsOptions {
  /** Loaded when a command asks for it, so that help pages stay fast. */
  readonly load: () => Promise<DataRoom>;
  readonly write: (text: string) => void;
  /** Does work under a progress bar that an interrupt stops. */
  readonly watch: <Result>(work: (watch: Watch) => Promise<Result>) => Promise<Result>;
}

/** Adds `data` and its commands to the page of all commands. */
export function addDataCommands(program: Program, { load, write, watch }: DataCommandsOptions): void {
  const group = program
    .command("data")
    .description("List and fetch public data sets; describe a file")
    .usage("COMMAND [options]")
    .helpCommand(false)
    .helpOption("-h, --help", "Print this page");
  const page = (name: string, description: string): Program =>
    group
      .command(name)
      .description(description)
      .option("--json", "Print one JSON object and nothing else")
      .helpOption("-h, --help", "Print this page");
  const answer = (command: Program, value: object, text: () => string): void =>
    write(command.opts<{ json?: boolean }>().json === true ? `${toJson(value)}\n` : text());

  page("list", "List the public data sets that can be fetched").action(async (_, command: Program) => {
    const datasets = (await load()).listDatasets();
    answer(command, { datasets }, () =>
      textTable([
        ["name", "download", "licence", "data"],
        ...datasets.map(({ name, title, licence, bytes }) => [name, megabytes(bytes), licence, title]),
      ]),
    );
  });
  page("describe", "Describe a file: its kind, columns, types and missing values")
    .argument("[FILE]", "a table, an image, a folder of images, or arrays")
    .action(async (path: string | undefined, _, command: Program) => {
      if (!path) throw new InputError("FILE: expected a file to describe, found nothing");
      const room = await load();
      const found = await watch(({ signal }) => room.describeFile(path, { signal }));
      answer(command, { file: path, ...found }, () => descriptionPage(path, found));
    });
  page("fetch", "Fetch a public data set, checked against its digest, into the cache")
    .argument("[NAME]", "a data set, as `fallline data list` names it")
    .action(async (name: string | undefined, _, command: Program) => {
      const room = await load();
      if (!name)
        throw new InputError(
          `NAME: expected one of ${room
            .listDatasets()
            .map((dataset) => dataset.name)
            .join(", ")}, found nothing`,
        );
      const fetched = await watch(({ signal, onProgress }) =>
        room.fetchDataset(name, {
          signal,
          onProgress: (done, total, label) => onProgress({ done, total, label }),
        }),
      );
      answer(command, fetched, () => fetchedPage(fetched));
    });
}

function descriptionPage(path: string, { summary, parts, notices }: FileDescription): string {
  const columns = [...new Set(parts.flatMap((part) => Object.keys(part)))];
  const table =
    parts.length === 0
      ? ""
      : `\n${textTable([columns, ...parts.map((part) => columns.map((column) => formatCell(part[column] ?? undefined)))])}`;
  return `${path}: ${summary}\n${table}${notices.map((notice) => `note: ${notice}\n`).join("")}`;
}

function fetchedPage({ title, licence, folder, files, downloaded }: FetchedFiles): string {
  const how = downloaded === 0 ? "was there already and is whole" : "is there and whole";
  return `${title} ${how}. Licence: ${licence}\n${folder}\n${files.map((file) => `  ${file}\n`).join("")}`;
}

function megabytes(bytes: number): string {
  return bytes < 1e6
    ? `${formatCount(Math.ceil(bytes / 1e3))} kB`
    : `${formatCount(Math.round(bytes / 1e6))} MB`;
}
