import { ndarray } from "../../engine/ndarray.ts";
import type { Shape } from "../../engine/shape.ts";
import type { Frame } from "./attack-outcome.ts";

/** Snapshots kept for each frame of the film: a frame is then off its even place by a few hundredths of the film. */
const snapshotsPerFrame = 16;

/** Watches an attack whose end is not known, and cuts a film of evenly spaced frames from it afterwards. */
export interface Film {
  /** Takes a snapshot where one is due; the pixels are copied. Evaluations ascend. */
  look(evaluation: number, pixels: Float64Array): void;
  /** The film: the start, frames as near to even spacing as the attack's iterations allow, and the end. */
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
      const chosen = new Set<Frame>();
      for (let i = 1; i < frames - 1; i++) {
        const found = nearest(before, (end.evaluation * i) / (frames - 1));
        if (found !== undefined) chosen.add(found);
      }
      return [frame(0, start), ...chosen, frame(end.evaluation, end.pixels)];
    },
    state: () => ({ snapshots, stride, next }),
  };
}

/** The first frame of each stretch of `stride` evaluations. */
function firstOfEach(frames: readonly Frame[], stride: number): Frame[] {
  const stretch = (frame: Frame | undefined): number => Math.floor((frame?.evaluation ?? -1) / stride);
  return frames.filter((frame, i) => i === 0 || stretch(frame) !== stretch(frames[i - 1]));
}

function nearest(frames: readonly Frame[], evaluation: number): Frame | undefined {
  const distance = (frame: Frame): number => Math.abs(frame.evaluation - evaluation);
  return frames.reduce<Frame | undefined>(
    (best, frame) => (best === undefined || distance(frame) < distance(best) ? frame : best),
    undefined,
  );
}
