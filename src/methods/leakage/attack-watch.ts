import type { NDArray } from "../../engine/ndarray.ts";
import type { CurvePoint, Frame, WatchedAttempt } from "./attack-outcome.ts";
import { createFilm, type Film } from "./film.ts";
import type { RecoveryStep } from "./recover.ts";

/** Frames of the film strip, the start and the end included. */
const frameCount = 8;

/** Watches the attempts of an attack, which knows nothing of it. */
export interface AttackWatch {
  look(step: RecoveryStep): void;
  /** The course of one attempt. */
  curve(attempt: number): CurvePoint[];
  /** The film of one attempt, cut at its end. */
  frames(attempt: number, start: NDArray, end: { evaluation: number; images: NDArray }): Frame[];
  /** What `from` takes to go on with these attempts. */
  state(attempts: readonly number[]): WatchedAttempt[];
}

export interface AttackWatchOptions {
  /** [N, ...inputShape]. */
  readonly shape: readonly number[];
  /** The error of images against the originals, where there are some. */
  readonly errorOf?: ((images: Float64Array) => number) | undefined;
  /** What was seen before the attack was cut off. */
  readonly from?: readonly WatchedAttempt[] | undefined;
}

export function watchAttack({ shape, errorOf, from = [] }: AttackWatchOptions): AttackWatch {
  const attempts = new Map<number, { readonly curve: CurvePoint[]; readonly film: Film }>();
  const begin = (attempt: number, seen?: WatchedAttempt) => {
    const begun = {
      curve: seen === undefined ? [] : pointsOf(seen.curve),
      film: createFilm({ shape, frames: frameCount, from: seen?.film }),
    };
    attempts.set(attempt, begun);
    return begun;
  };
  for (const seen of from) begin(seen.attempt, seen);
  return {
    look({ attempt, evaluation, matchingLoss, images }) {
      const { curve, film } = attempts.get(attempt) ?? begin(attempt);
      curve.push({ evaluation, matchingLoss, meanSquaredError: errorOf?.(images) ?? Number.NaN });
      film.look(evaluation, images);
    },
    curve: (attempt) => attempts.get(attempt)?.curve ?? [],
    frames: (attempt, start, { evaluation, images }) =>
      attempts
        .get(attempt)
        ?.film.cut(start.data as Float64Array, { evaluation, pixels: images.data as Float64Array }) ?? [],
    state: (wanted) =>
      [...attempts]
        .filter(([attempt]) => wanted.includes(attempt))
        .map(([attempt, { curve, film }]) => ({ attempt, curve: columnsOf(curve), film: film.state() })),
  };
}

function pointsOf([evaluations, losses, errors]: WatchedAttempt["curve"]): CurvePoint[] {
  return Array.from(evaluations, (evaluation, i) => ({
    evaluation,
    matchingLoss: losses[i] ?? Number.NaN,
    meanSquaredError: errors[i] ?? Number.NaN,
  }));
}

function columnsOf(curve: readonly CurvePoint[]): WatchedAttempt["curve"] {
  return [
    Float64Array.from(curve, (point) => point.evaluation),
    Float64Array.from(curve, (point) => point.matchingLoss),
    Float64Array.from(curve, (point) => point.meanSquaredError),
  ];
}
