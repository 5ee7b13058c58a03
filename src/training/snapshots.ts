// States of a training run by step: in memory up to a budget, in files of a folder where one is given.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError, systemErrorCode } from "../data/input-error.ts";
import { makeFolder } from "../data/make-folder.ts";
import { writeWhole } from "../data/whole-file.ts";
import { bytesPerElement, viewBytes } from "../engine/dtype.ts";
import type { NDArray } from "../engine/ndarray.ts";
import { sizeOf } from "../engine/shape.ts";
import type { Carry } from "./stepper.ts";
import { arraysOf, bytesOf, copyArrays, withArrays } from "./trees.ts";

export interface SnapshotStore {
  /** The steps that are stored, ascending. */
  readonly steps: readonly number[];
  /** Copies a state; one that is already stored stays. */
  put(step: number, state: Carry): Promise<void>;
  /** The state of a stored step, in arrays of the caller's own. */
  get(step: number): Promise<Carry>;
  /** The same in the store's arrays where it has them in memory: to be read only. */
  view(step: number): Promise<Carry>;
}

/**
 * An empty store, or with `folder` one that holds the snapshots already there if `keep` is set.
 *
 * @param like a state of the shapes that will be stored
 * @throws InputError when the folder cannot be made or, without `keep`, holds snapshots
 */
export async function createSnapshotStore(
  like: Carry,
  {
    folder,
    budget,
    keep = false,
  }: { readonly folder?: string | undefined; readonly budget: number; readonly keep?: boolean },
): Promise<SnapshotStore> {
  const inMemory = new Map<number, Carry>();
  const bytes = bytesOf(like);
  const steps: number[] = [];
  if (folder !== undefined) {
    await makeFolder(folder);
    for (const name of await readdir(folder)) {
      const step = /^state-(\d+)\.bin$/.exec(name)?.[1];
      if (step === undefined) continue;
      if (!keep)
        throw new InputError(
          `${folder}: the folder of the record already holds ${name}; a new or empty folder is expected`,
        );
      steps.push(Number(step));
    }
    steps.sort((a, b) => a - b);
  }
  const view = async (step: number): Promise<Carry> => {
    const held = inMemory.get(step);
    if (held !== undefined) return held;
    if (folder === undefined || !steps.includes(step))
      throw new RangeError(`record: the state of step ${step} is not stored`);
    return arraysOfBytes(like, await readExactly(join(folder, fileOf(step)), bytes));
  };
  return {
    steps,
    view,
    async put(step, state) {
      if (steps.includes(step)) return;
      const fits = (inMemory.size + 1) * bytes <= budget;
      if (fits) inMemory.set(step, copyArrays(state));
      if (folder !== undefined) await writeWhole(join(folder, fileOf(step)), bytesOfArrays(arraysOf(state)));
      else if (!fits)
        throw new InputError(
          `train: the record needs more than its budget of ${budget} bytes at step ${step}; a folder, a larger budget or fewer steps are expected`,
        );
      steps.push(step);
      steps.sort((a, b) => a - b);
    },
    async get(step) {
      const state = await view(step);
      return inMemory.has(step) ? copyArrays(state) : state;
    },
  };
}

function fileOf(step: number): string {
  return `state-${String(step).padStart(9, "0")}.bin`;
}

/** The elements of arrays one after the other. */
export function bytesOfArrays(arrays: readonly NDArray[]): Uint8Array {
  const out = new Uint8Array(bytesOf(arrays));
  let place = 0;
  for (const { data } of arrays) {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), place);
    place += data.byteLength;
  }
  return out;
}

function arraysOfBytes(like: Carry, bytes: Uint8Array): Carry {
  let place = 0;
  const flat = arraysOf(like).map(({ dtype, shape }) => {
    const length = sizeOf(shape) * bytesPerElement(dtype);
    const part = bytes.slice(place, place + length);
    place += length;
    return { dtype, shape, data: viewBytes(dtype, part) } as NDArray;
  });
  return withArrays(like, flat);
}

/** @throws InputError when the file is absent or has another size */
export async function readExactly(path: string, bytes: number): Promise<Uint8Array> {
  const found = await readFile(path).catch((error: unknown) => {
    if (systemErrorCode(error) !== "ENOENT") throw error;
    throw new InputError(
      `${path}: there is no such file; expected one of ${bytes} bytes of a training record`,
    );
  });
  if (found.byteLength !== bytes)
    throw new InputError(
      `${path}: ${found.byteLength} bytes; expected ${bytes}, a file written by this record`,
    );
  return new Uint8Array(found);
}
