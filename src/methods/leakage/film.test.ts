import { describe, expect, it } from "vitest";
import { toNumbers } from "../../engine/ndarray.ts";
import { randomStream } from "../../numeric/random.ts";
import { createFilm } from "./film.ts";

const pixel = (value: number) => Float64Array.of(value);

/** The evaluations of the frames of an attack whose iterations take those numbers of evaluations. */
function framesOf(iterations: Iterable<number>, frames = 8): number[] {
  const film = createFilm({ shape: [1, 1, 1], frames });
  const state = pixel(0);
  let evaluation = 0;
  for (const taken of iterations) {
    evaluation += taken;
    state[0] = evaluation;
    film.look(evaluation, state);
  }
  const shown = film.cut(pixel(0), { evaluation, pixels: pixel(evaluation) });
  for (const frame of shown) expect(toNumbers(frame.images)).toEqual([frame.evaluation]);
  return shown.map((frame) => frame.evaluation);
}

describe("createFilm", () => {
  it.each([130, 500, 1023, 4000, 77_777])(
    "spaces its frames evenly in an attack of %i iterations",
    (length) => {
      const frames = framesOf(randomStream(length).integers(length, 1, 4));
      expect(frames).toHaveLength(8);
      const end = frames.at(-1) ?? 0;
      for (const [i, evaluation] of frames.entries())
        expect(Math.abs(evaluation - (end * i) / 7)).toBeLessThanOrEqual(end / 64 + 2);
    },
  );

  it("shows every iteration of an attack that has fewer than frames", () => {
    expect(framesOf([])).toEqual([0, 0]);
    expect(framesOf([2])).toEqual([0, 2]);
    expect(framesOf([2, 1, 1])).toEqual([0, 2, 3, 4]);
  });

  it("goes on from its state as if it had not been cut off", () => {
    const steps = Array.from(randomStream(4).integers(3000, 1, 4));
    const shoot = (cuts: readonly number[]): number[] => {
      let film = createFilm({ shape: [1, 1, 1], frames: 8 });
      let evaluation = 0;
      for (const [i, taken] of steps.entries()) {
        evaluation += taken;
        film.look(evaluation, pixel(evaluation));
        if (cuts.includes(i))
          film = createFilm({ shape: [1, 1, 1], frames: 8, from: structuredClone(film.state()) });
      }
      return film.cut(pixel(0), { evaluation, pixels: pixel(evaluation) }).map((frame) => frame.evaluation);
    };
    expect(shoot([3, 127, 128, 129, 2000])).toEqual(shoot([]));
  });
});
