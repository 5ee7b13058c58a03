import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { InputError } from "../data/input-error.ts";
import { toJson } from "./json.ts";
import { describeWriteError } from "./whole-file.ts";

export interface MetricLog {
  append(name: string, step: number, value: number): void;
  /** Whether there is a measurement yet. */
  hasBegun(): boolean;
  close(): void;
}

const flushMilliseconds = 200;
const flushCharacters = 64 * 1024;

/**
 * Measurements as JSON lines, `{"name":"loss","step":3,"value":0.25}`, appended whole lines at a time a few times a
 * second. The file is made with the first line. A line that does not fit on the disk is taken back.
 */
export function openMetricLog(path: string): MetricLog {
  let waiting = "";
  let hasBegun = false;
  let lastFlush = performance.now();
  let descriptor: number | undefined;

  const flush = (): void => {
    lastFlush = performance.now();
    if (waiting === "") return;
    const lines = Buffer.from(waiting);
    waiting = "";
    try {
      descriptor ??= openSync(path, "a");
      appendOrTakeBack(descriptor, lines);
    } catch (error) {
      const reason = describeWriteError(error);
      if (reason === undefined) throw error;
      throw new InputError(`${path}: metrics cannot be written (${reason}); expected a place with room`, {
        cause: error,
      });
    }
  };

  return {
    hasBegun: () => hasBegun,
    append(name, step, value) {
      hasBegun = true;
      waiting += `${toJson({ name, step, value })}\n`;
      if (waiting.length > flushCharacters || performance.now() - lastFlush > flushMilliseconds) flush();
    },
    close() {
      try {
        flush();
      } finally {
        if (descriptor !== undefined) closeSync(descriptor);
        descriptor = undefined;
      }
    },
  };
}

function appendOrTakeBack(descriptor: number, lines: Buffer): void {
  const before = fstatSync(descriptor).size;
  try {
    for (let done = 0; done < lines.length; ) done += writeSync(descriptor, lines, done);
  } catch (error) {
    ftruncateSync(descriptor, before);
    throw error;
  }
}
