/** What a command is given to work with: its random stream, its signal, and the places where its results go. */
import { join } from "node:path";
import type { PlotOptions } from "@observablehq/plot";
import { makeFolder } from "../data/make-folder.ts";
import type { Picture } from "../data/picture.ts";
import { writeWhole } from "../data/whole-file.ts";
import type { NDArray } from "../engine/ndarray.ts";
import { type RandomStream, randomStream } from "../numeric/random.ts";
import { encodeCheckpoint } from "./checkpoint.ts";
import { checkpointFiles } from "./checkpoint-files.ts";
import { type Row, toCsv } from "./csv.ts";
import type { MetricLog } from "./metric-log.ts";
import type { ReportSection } from "./report.ts";
import type { RunItem } from "./run-record.ts";

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** What the user may want to watch, as "loss 3.1e-5". */
  readonly label: string;
}

export interface Caption {
  /** One sentence below the figure, image or table. */
  readonly caption?: string;
}

export interface ImageCaption extends Caption {
  /** Whether the report shows the picture too, which it does when nothing is said. */
  readonly inReport?: boolean;
  /** Headings above the parts of the picture, spread evenly from left to right. */
  readonly labels?: readonly string[];
}

export interface FigureOptions extends Caption {
  /** Whether the figure is written as PNG too; as the user's `--png` says when nothing is said. */
  readonly png?: boolean;
}

/**
 * A run as its command sees it. Names of items are file names without their ending: lower-case letters, digits,
 * hyphens and points; a name can be used once for each kind.
 */
export interface Run {
  /** The run's folder. */
  readonly folder: string;
  /** Where all randomness of the run starts. */
  readonly seed: number;
  /**
   * The stream of that seed, `numpy.random.default_rng(seed)`. Independent parts of a run take streams spawned from it,
   * so that the number of threads changes no draw.
   */
  readonly rng: RandomStream;
  /** The most threads that the run may use. */
  readonly threads: number;
  /** Aborted when the user interrupts; long work checks it at least ten times a second. */
  readonly signal: AbortSignal;
  progress(done: number, total: number, label?: string): void;
  /** One measurement of a series, into `metrics.jsonl`. */
  metric(name: string, step: number, value: number): void;
  /** A caveat that belongs beside the result. */
  note(text: string): void;
  /** Rows into `tables/NAME.csv`; the report shows the first 200. */
  table(name: string, rows: readonly Row[], options?: Caption): Promise<void>;
  /** An Observable Plot specification into `figures/NAME.svg`, and `figures/NAME.png` where asked. */
  figure(name: string, specification: PlotOptions, options?: FigureOptions): Promise<void>;
  /** A picture into `images/NAME.png`. */
  image(name: string, picture: Picture, options?: ImageCaption): Promise<void>;
  /** An array into `arrays/NAME.npy`, which NumPy's `load` reads. */
  array(name: string, array: NDArray, options?: Caption): Promise<void>;
  /** Bytes or text of any kind into `artifacts/NAME`; here the name carries its ending. */
  artifact(name: string, content: Uint8Array | string, options?: Caption): Promise<void>;
  /** Whether the last checkpoint, or the start, is a few seconds ago: time for the next in a long loop. */
  checkpointDue(): boolean;
  /**
   * Keeps a state to go on from after an interruption, and with it what the run has measured, noted and written so far.
   * The values are copied before this returns, so that the work may go on while they are written; one checkpoint is
   * written at a time.
   *
   * @param state JSON values (NaN and infinities too), typed arrays, NDArrays, and plain objects and lists of them. The
   *   states of random streams that were drawn from belong in it.
   * @throws RangeError for a state that holds anything else
   * @throws InputError when the disk is full; the checkpoint before is then still there
   */
  checkpoint(state: object): Promise<void>;
  /**
   * The state of the last checkpoint of the run that `--resume` continues; `undefined` in a run that starts from its
   * beginning. To be called once, after the set-up that both share (reading the input, drawing parameters) and before the
   * first `checkpoint`: metrics, notes and items are then those of the checkpoint, and what the set-up has added again is
   * dropped.
   *
   * `State` is what this command gives `checkpoint`; a run is only continued by the version that wrote it.
   */
  resume<State extends object>(): State | undefined;
}

/** What a run was when a checkpoint was written. */
interface Kept {
  readonly state: object;
  readonly metricBytes: number;
  readonly notes: readonly string[];
  readonly items: readonly RunItem[];
  readonly sections: readonly ReportSection[];
  /** The time that the run had taken. */
  readonly seconds: number;
}

export interface RunWriterOptions {
  readonly folder: string;
  readonly seed: number;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly metrics: MetricLog;
  readonly png?: boolean;
  /** What a checkpoint of this run held, as `checkpoint` wrote it. */
  readonly resumed?: unknown;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly onNote?: ((text: string) => void) | undefined;
}

/** A run together with what it has written so far, for its record and its report. */
export interface RunWriter {
  readonly run: Run;
  readonly items: RunItem[];
  readonly sections: ReportSection[];
  readonly notes: string[];
  /** The time that the run has taken, that before an interruption included. */
  seconds(): number;
}

const checkpointMilliseconds = 2000;
/** Writing checkpoints may take this part of the time, where one takes long. */
const checkpointShare = 0.05;

const folders = {
  figure: "figures",
  image: "images",
  table: "tables",
  array: "arrays",
  artifact: "artifacts",
};

/** A run that writes into a folder which exists. */
export function createRunWriter(options: RunWriterOptions): RunWriter {
  const { folder, seed, threads, signal, metrics, png: pngAlways = false, onProgress, onNote } = options;
  const resumed = options.resumed as Kept | undefined;
  const started = performance.now();
  const secondsBefore = resumed?.seconds ?? 0;
  const seconds = (): number => secondsBefore + (performance.now() - started) / 1000;
  const checkpoints = checkpointFiles(folder);
  let nextCheckpoint = started + checkpointMilliseconds;
  let writing: Promise<void> = Promise.resolve();
  const items: RunItem[] = [];
  const sections: ReportSection[] = [];
  const notes: string[] = [];
  const written = new Set<string>();

  const write = async (item: Omit<RunItem, "path">, ending: string, content: Uint8Array | string) => {
    const path = `${folders[item.kind]}/${item.name}${ending}`;
    if (!/^[a-z0-9][a-z0-9.-]*$/.test(item.name))
      throw new RangeError(`run.${item.kind}: ${JSON.stringify(item.name)} is not a name for an item`);
    if (items.some((earlier) => earlier.path === path))
      throw new RangeError(`run.${item.kind}: the name "${item.name}" was used before`);
    items.push({ ...item, path });
    await makeFolder(join(folder, folders[item.kind]));
    await writeWhole(join(folder, path), content);
    written.add(path);
    return path;
  };

  const run: Run = {
    folder,
    seed,
    rng: randomStream(seed),
    threads,
    signal,
    progress: (done, total, label = "") => onProgress?.({ done, total, label }),
    metric: (name, step, value) => metrics.append(name, step, value),
    note(text) {
      notes.push(text);
      onNote?.(text);
    },
    async table(name, rows, { caption = "" } = {}) {
      const path = await write({ kind: "table", name, caption }, ".csv", toCsv(rows));
      sections.push({ kind: "table", name, caption, rows, path });
    },
    async figure(name, specification, { caption = "", png = pngAlways } = {}) {
      const { figurePng, renderFigure } = await import("./figure.ts");
      const { inline, file } = await renderFigure(specification, { title: caption || name });
      await write({ kind: "figure", name, caption }, ".svg", file);
      if (png) await write({ kind: "figure", name, caption }, ".png", await figurePng(file));
      sections.push({ kind: "figure", name, caption, svg: inline });
    },
    async image(name, picture, { caption = "", labels = [], inReport = true } = {}) {
      const { encodePng } = await import("../data/picture.ts");
      const png = await encodePng(picture);
      await write({ kind: "image", name, caption }, ".png", png);
      const { width, height } = picture;
      if (inReport) sections.push({ kind: "image", name, caption, labels, png, width, height });
    },
    async array(name, array, { caption = "" } = {}) {
      const { toNpy } = await import("../data/npy.ts");
      await write({ kind: "array", name, caption }, ".npy", await toNpy(array));
    },
    async artifact(name, content, { caption = "" } = {}) {
      await write({ kind: "artifact", name, caption }, "", content);
    },
    checkpointDue: () => performance.now() >= nextCheckpoint,
    async checkpoint(state) {
      const begun = performance.now();
      const kept: Kept = {
        state,
        metricBytes: metrics.flushAll(),
        notes,
        items: items.filter((item) => written.has(item.path)),
        sections,
        seconds: seconds(),
      };
      const bytes = encodeCheckpoint(kept);
      nextCheckpoint = Number.POSITIVE_INFINITY;
      writing = writing.then(() => checkpoints.write(bytes));
      await writing;
      const took = performance.now() - begun;
      nextCheckpoint = performance.now() + Math.max(checkpointMilliseconds, took / checkpointShare);
    },
    resume<State extends object>(): State | undefined {
      if (resumed === undefined) return undefined;
      metrics.continueAt(resumed.metricBytes);
      notes.splice(0, notes.length, ...resumed.notes);
      items.splice(0, items.length, ...resumed.items);
      for (const item of items) written.add(item.path);
      sections.splice(0, sections.length, ...resumed.sections);
      return resumed.state as State;
    },
  };
  return { run, items, sections, notes, seconds };
}
