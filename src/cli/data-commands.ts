/** `fallline data list`, `describe` and `fetch`: the data sets that are known, a file's contents, a download. */
import type { Command as Program } from "commander";
import { InputError } from "../data/input-error.ts";
import { toJson } from "../runs/json.ts";
import type { Progress } from "../runs/run.ts";

/** A public data set that can be fetched. */
export interface DatasetEntry {
  readonly name: string;
}

/** What a file holds, as values that JSON can hold. */
export interface FileDescription {
  readonly kind: string;
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

/** What the data room gives the command line: `src/data/commands.ts` is one. */
export interface DataRoom {
  listDatasets(): readonly DatasetEntry[];
  formatDatasets(datasets: readonly DatasetEntry[]): string;
  /**
   * @param options.header whether a table has one; recognised when not given
   * @throws InputError for a file that cannot be read or is of no known kind
   */
  describeFile(path: string, options: { readonly header?: boolean }): Promise<FileDescription>;
  formatDescription(description: FileDescription): string;
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
    const room = await load();
    const datasets = room.listDatasets();
    answer(command, { datasets }, () => `${room.formatDatasets(datasets)}\n`);
  });
  page("describe", "Describe a file: its kind, columns, types and missing values")
    .argument("[FILE]", "a table, an image, a folder of images, or arrays")
    .option("--no-header", "A table's first line is data")
    .action(async (path: string | undefined, _, command: Program) => {
      if (!path) throw new InputError("FILE: expected a file to describe, found nothing");
      const room = await load();
      const hasNone = command.getOptionValueSource("header") === "cli";
      const found = await room.describeFile(path, hasNone ? { header: false } : {});
      answer(command, { file: path, ...found }, () => `${room.formatDescription(found)}\n`);
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

function fetchedPage({ title, licence, folder, files, downloaded }: FetchedFiles): string {
  const how = downloaded === 0 ? "was there already and is whole" : "is there and whole";
  return `${title} ${how}. Licence: ${licence}\n${folder}\n${files.map((file) => `  ${file}\n`).join("")}`;
}
