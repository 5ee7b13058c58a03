import { ndarray } from "../../engine/ndarray.ts";
import type { Shape } from "../../engine/shape.ts";
import type { Frame } from "./attack-outcome.ts";

/** Snapshots kept for each frame of the film. */
const snapshotsPerFrame = 16;

/** Watches an attack whose end is not known, and afterwards cuts a film from it, of frames between which about equally much happens. */
export interface Film {
  /** Takes a snapshot where one is due; the pixels are copied. Evaluations ascend. */
  look(evaluation: number, pixels: Float64Array): void;
  /**
   * The film: the start, frames as near as the snapshots allow to even steps, half in evaluations, half in what changed, and the end.
   */
  cut(start: Float64Array, end: { readonly evaluation: number; readonly pixels: Float64Array }): Frame[];
  /** What `from` takes to go on with this film. */
  state(): FilmState;
}

export interface FilmState {
  readonly snapshots: readonly Frame[];
  readonly stride: number;
  readonly next: number;
}

/**
 * A film of an attack. Attacks end at their own time, so snapshots are taken at every `stride` evaluations, and whenever
 * they get too many every other one is dropped and the stride doubled.
 *
 * @param options.shape of one frame, [N, ...inputShape]
 * @param options.frames how many frames the film has, at least 2; fewer where the attack has fewer iterations
 * @param options.from the state of a film of the same attack, cut off
 */
export function createFilm({
  shape,
  frames,
  from,
}: {
  readonly shape: Shape;
  readonly frames: number;
  readonly from?: FilmState | undefined;
}): Film {
  let snapshots: Frame[] = [...(from?.snapshots ?? [])];
  let stride = from?.stride ?? 1;
  let next = from?.next ?? 1;
  const frame = (evaluation: number, pixels: Float64Array): Frame => ({
    evaluation,
    images: ndarray(pixels, shape, "float64"),
  });
  return {
    look(evaluation, pixels) {
      if (evaluation < next) return;
      snapshots.push(frame(evaluation, pixels.slice()));
      if (snapshots.length > frames * snapshotsPerFrame) {
        stride *= 2;
        snapshots = firstOfEach(snapshots, stride);
      }
      next = (Math.floor(evaluation / stride) + 1) * stride;
    },
    cut(start, end) {
      const before = snapshots.filter(({ evaluation }) => evaluation < end.evaluation);
      const last = frame(end.evaluation, end.pixels);
      const places = placesOf(start, [...before, last]);
      const chosen = new Set<Frame>();
      for (let i = 1; i < frames - 1; i++) {
        const found = nearest(before, places, i / (frames - 1));
        if (found !== undefined) chosen.add(found);
      }
      return [frame(0, start), ...chosen, last];
    },
    state: () => ({ snapshots, stride, next }),
  };
}

/** The first frame of each stretch of `stride` evaluations. */
function firstOfEach(frames: readonly Frame[], stride: number): Frame[] {
  const stretch = (frame: Frame | undefined): number => Math.floor((frame?.evaluation ?? -1) / stride);
  return frames.filter((frame, i) => i === 0 || stretch(frame) !== stretch(frames[i - 1]));
}

/**
 * How far each frame is, from 0 to 1: half of it in evaluations, half along the way that the pixels went. By evaluations alone a fast
 * attack is over after one frame, by the way alone a slow one is noise until the last.
 */
function placesOf(start: Float64Array, frames: readonly Frame[]): number[] {
  const ways: number[] = [];
  let [way, previous] = [0, start];
  for (const { images } of frames) {
    const pixels = Float64Array.from(images.data as ArrayLike<number>);
    way += distance(previous, pixels);
    ways.push(way);
    previous = pixels;
  }
  const end = frames.at(-1)?.evaluation ?? 0;
  return frames.map(({ evaluation }, i) => (evaluation / (end || 1) + (ways[i] ?? 0) / (way || 1)) / 2);
}

/** The frame whose place is nearest to one. */
function nearest(frames: readonly Frame[], places: readonly number[], place: number): Frame | undefined {
  let best: { readonly frame: Frame; readonly apart: number } | undefined;
  for (const [i, frame] of frames.entries()) {
    const apart = Math.abs((places[i] ?? 0) - place);
    if (best === undefined || apart < best.apart) best = { frame, apart };
  }
  return best?.frame;
}

function distance(a: Float64Array, b: Float64Array): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return Math.sqrt(squares);
}
