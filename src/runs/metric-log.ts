import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { InputError } from "../data/input-error.ts";
import { asWriteError } from "../data/whole-file.ts";
import { toJson } from "./json.ts";

export interface MetricLog {
  append(name: string, step: number, value: number): void;
  /** Whether there is a measurement yet. */
  hasBegun(): boolean;
  /** Brings all measurements so far onto the disk; gives the file's length in bytes. */
  flushAll(): number;
  /**
   * Drops what was appended to this log so far and goes on behind the first `length` bytes of the file.
   *
   * @throws InputError when the file is shorter
   */
  continueAt(length: number): void;
  close(): void;
}

export interface MetricLogOptions {
  /** The file may hold the measurements of an interrupted run: nothing is written until it is known which stay. */
  readonly held?: boolean;
}

const flushMilliseconds = 200;
const flushCharacters = 64 * 1024;

/**
 * Measurements as JSON lines, `{"name":"loss","step":3,"value":0.25}`, appended whole lines at a time a few times a
 * second. The file is made with the first line. A line that does not fit on the disk is taken back.
 *
 * A held log that is flushed or closed before `continueAt` replaces the file's measurements by its own.
 */
export function openMetricLog(path: string, { held = false }: MetricLogOptions = {}): MetricLog {
  let waiting = "";
  let hasBegun = false;
  let isHeld = held;
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
      throw asWriteError(path, error, { expected: "a place with room" });
    }
  };
  const cutTo = (length: number): void => {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size < length)
      throw new InputError(
        `${path}: holds ${size} bytes; expected the ${length} that the checkpoint knows of`,
      );
    if (size > length) truncateSync(path, length);
    isHeld = false;
  };

  return {
    hasBegun: () => hasBegun,
    append(name, step, value) {
      hasBegun = true;
      waiting += `${toJson({ name, step, value })}\n`;
      if (isHeld) return;
      if (waiting.length > flushCharacters || performance.now() - lastFlush > flushMilliseconds) flush();
    },
    flushAll() {
      if (isHeld) cutTo(0);
      flush();
      if (descriptor === undefined) return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      fsyncSync(descriptor);
      return fstatSync(descriptor).size;
    },
    continueAt(length) {
      waiting = "";
      cutTo(length);
      hasBegun = length > 0;
    },
    close() {
      try {
        if (isHeld) cutTo(0);
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
