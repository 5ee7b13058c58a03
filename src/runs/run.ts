/** What a command is given to work with: its random stream, its signal, and the places where its results go. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { PlotOptions } from "@observablehq/plot";
import type { Picture } from "../data/picture.ts";
import type { NDArray } from "../engine/ndarray.ts";
import { type RandomStream, randomStream } from "../numeric/random.ts";
import { type Row, toCsv } from "./csv.ts";
import type { MetricLog } from "./metric-log.ts";
import type { ReportSection } from "./report.ts";
import type { RunItem } from "./run-record.ts";
import { writeWhole } from "./whole-file.ts";

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
  /** An Observable Plot specification into `figures/NAME.svg`. */
  figure(name: string, specification: PlotOptions, options?: Caption): Promise<void>;
  /** A picture into `images/NAME.png`. */
  image(name: string, picture: Picture, options?: ImageCaption): Promise<void>;
  /** An array into `arrays/NAME.npy`, which NumPy's `load` reads. */
  array(name: string, array: NDArray, options?: Caption): Promise<void>;
  /** Bytes or text of any kind into `artifacts/NAME`; here the name carries its ending. */
  artifact(name: string, content: Uint8Array | string, options?: Caption): Promise<void>;
}

export interface RunWriterOptions {
  readonly folder: string;
  readonly seed: number;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly metrics: MetricLog;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly onNote?: ((text: string) => void) | undefined;
}

/** A run together with what it has written so far, for its record and its report. */
export interface RunWriter {
  readonly run: Run;
  readonly items: RunItem[];
  readonly sections: ReportSection[];
  readonly notes: string[];
}

const folders = {
  figure: "figures",
  image: "images",
  table: "tables",
  array: "arrays",
  artifact: "artifacts",
};

/** A run that writes into a folder which exists. */
export function createRunWriter(options: RunWriterOptions): RunWriter {
  const { folder, seed, threads, signal, metrics, onProgress, onNote } = options;
  const items: RunItem[] = [];
  const sections: ReportSection[] = [];
  const notes: string[] = [];

  const write = async (item: Omit<RunItem, "path">, ending: string, content: Uint8Array | string) => {
    const path = `${folders[item.kind]}/${item.name}${ending}`;
    if (!/^[a-z0-9][a-z0-9.-]*$/.test(item.name))
      throw new RangeError(`run.${item.kind}: ${JSON.stringify(item.name)} is not a name for an item`);
    if (items.some((earlier) => earlier.path === path))
      throw new RangeError(`run.${item.kind}: the name "${item.name}" was used before`);
    items.push({ ...item, path });
    await mkdir(join(folder, folders[item.kind]), { recursive: true });
    await writeWhole(join(folder, path), content);
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
    async figure(name, specification, { caption = "" } = {}) {
      const { renderFigure } = await import("./figure.ts");
      const { inline, file } = await renderFigure(specification, { title: caption || name });
      await write({ kind: "figure", name, caption }, ".svg", file);
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
  };
  return { run, items, sections, notes };
}
