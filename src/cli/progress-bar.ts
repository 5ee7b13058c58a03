import { formatCount, formatNumber, formatSeconds } from "../runs/format.ts";
import type { Progress } from "../runs/run.ts";

/** What the bar needs of a stream; `process.stderr` is one. */
export interface Terminal {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface ProgressBar {
  update(progress: Progress): void;
  /** Takes the bar off the screen, so that a line can be printed in its place. */
  clear(): void;
}

export interface ProgressBarOptions {
  /** The least time between two drawings, in milliseconds. */
  readonly interval?: number;
  /** A clock in milliseconds. */
  readonly now?: () => number;
}

/** Leaves room for the rest of a usual line in 80 columns. */
const barWidth = 16;
const clearLine = "\r\x1b[2K";

/**
 * A bar with rate, time left and label, redrawn in place; nothing at all where the stream is not a terminal.
 */
export function createProgressBar(
  terminal: Terminal,
  { interval = 100, now = () => performance.now() }: ProgressBarOptions = {},
): ProgressBar {
  let first: { done: number; time: number } | undefined;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let visible = false;
  if (terminal.isTTY !== true) return { update: () => {}, clear: () => {} };
  return {
    update(progress) {
      const time = now();
      if (first === undefined || progress.done < first.done) first = { done: progress.done, time };
      if (time - drawnAt < interval && progress.done < progress.total) return;
      drawnAt = time;
      visible = true;
      const seconds = (time - first.time) / 1000;
      const rate = seconds > 0 ? (progress.done - first.done) / seconds : 0;
      // Some terminals say that they have 0 columns.
      const width = (terminal.columns || 80) - 1;
      terminal.write(`${clearLine}${formatBar(progress, rate, { width })}`);
    },
    clear() {
      if (visible) terminal.write(clearLine);
      visible = false;
    },
  };
}

/**
 * One line: `████░░░░ 50% 2,000/4,000  812/s  2.5 s left  loss 3.1e-5`. Where that does not fit the width, the bar goes
 * first, then the rate, then the count; what the user watches stays longest.
 *
 * @param rate steps a second; 0 is not known yet
 */
export function formatBar(
  { done, total, label }: Progress,
  rate: number,
  { width = Number.POSITIVE_INFINITY }: { width?: number } = {},
): string {
  const fraction = total > 0 ? Math.min(1, done / total) : 0;
  const filled = Math.round(fraction * barWidth);
  const bar = "█".repeat(filled) + "░".repeat(barWidth - filled);
  const percent = `${Math.floor(fraction * 100)}%`;
  const count = `${percent} ${formatCount(done)}/${formatCount(total)}`;
  const speed = rate > 0 ? `${formatNumber(rate, { digits: 3 })}/s` : "";
  const left = rate > 0 ? `${formatSeconds((total - done) / rate)} left` : "";
  const lines = [
    [`${bar} ${count}`, speed, left, label],
    [count, speed, left, label],
    [count, left, label],
    [percent, left, label],
    [percent, label],
  ].map((parts) => parts.filter((part) => part !== "").join("  "));
  return lines.find((line) => line.length <= width) ?? percent.slice(0, width);
}
