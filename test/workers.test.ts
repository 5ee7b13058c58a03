import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { mapTasks as MapTasks } from "../src/runs/workers/map-tasks.ts";

const { mapTasks } = (await import(new URL("../dist/runs/workers/map-tasks.js", import.meta.url).href)) as {
  mapTasks: typeof MapTasks;
};
const module = new URL("./fixtures/square-work.js", import.meta.url);
interface Task {
  readonly value: number;
  readonly wait?: number;
  readonly fail?: string;
  readonly exit?: number;
}
const square = (tasks: readonly Task[], options: Parameters<typeof MapTasks<Task, Float64Array>>[2]) =>
  mapTasks<Task, Float64Array>(module, tasks, options);

describe("mapTasks", () => {
  it.each([1, 2, 3, 9])("gives the results in the order of the tasks, with %i processes", async (threads) => {
    const progress: number[] = [];
    const results = await square(
      [5, 4, 3, 2, 1].map((value) => ({ value, wait: value * 10 })),
      { threads, onProgress: (_, report) => progress.push((report as { at: number }).at) },
    );
    expect(results).toEqual([25, 16, 9, 4, 1].map((value) => Float64Array.of(value)));
    expect(progress.sort()).toEqual([1, 2, 3, 4, 5]);
    expect(await square([], { threads })).toEqual([]);
  });

  it.each([1, 2])("passes an error of a task on, with its name (%i processes)", async (threads) => {
    const tasks = [{ value: 1 }, { value: 2, fail: "not a number" }, { value: 3, wait: 5000 }];
    await expect(square(tasks, { threads })).rejects.toMatchObject({
      name: "InputError",
      message: "not a number",
    });
  });

  it.each([1, 2, 4])("ends with the first result that is enough (%i processes)", async (threads) => {
    // The third is enough, and so is the last, which is done long before: it does not count.
    const tasks = [3, 2, 5, 1, 6].map((value) => ({ value, wait: value === 6 ? 0 : 60 * value }));
    const heard: number[] = [];
    const results = await square(tasks, {
      threads,
      isEnough: ([result = 0]) => result > 20,
      onResult: (place) => heard.push(place),
    });
    expect(results).toEqual([9, 4, 25].map((value) => Float64Array.of(value)));
    expect(heard).toEqual(expect.arrayContaining([0, 1, 2]));
  });

  it.each([1, 3])(
    "does none again that is finished, nor any behind one that is enough (%i processes)",
    async (threads) => {
      const tasks = [1, 2, 3, 4, 5].map((value) => ({ value }));
      const run = async (places: readonly number[], enough = Number.POSITIVE_INFINITY) => {
        const done: number[] = [];
        const results = await square(tasks, {
          threads,
          finished: new Map(places.map((place) => [place, Float64Array.of(100 + place)])),
          isEnough: ([result = 0]) => result >= enough,
          onResult: (place) => done.push(place),
        });
        return { results: results.map(([result]) => result), done: done.sort() };
      };
      expect(await run([1, 3])).toEqual({ results: [1, 101, 9, 103, 25], done: [0, 2, 4] });
      expect(await run([1, 3], 103)).toEqual({ results: [1, 101, 9, 103], done: [0, 2] });
      expect(await run([0], 100)).toEqual({ results: [100], done: [] });
      expect(await run([0, 1, 2, 3, 4])).toEqual({ results: [100, 101, 102, 103, 104], done: [] });
    },
  );

  it.each([1, 2])("gives every process what is common to the tasks (%i processes)", async (threads) => {
    const results = await mapTasks<Task, Float64Array, { power: number }>(
      module,
      [1, 2, 3, 4].map((value) => ({ value })),
      { threads, common: { power: 3 } },
    );
    expect(results).toEqual([1, 8, 27, 64].map((value) => Float64Array.of(value)));
  });

  it("says that a process has died", async () => {
    await expect(
      square(
        [
          { value: 1, exit: 7 },
          { value: 2, wait: 5000 },
        ],
        { threads: 2 },
      ),
    ).rejects.toThrow("a worker process ended by exit code 7");
  });

  it("stops at once when it is aborted", async () => {
    const controller = new AbortController();
    const all = square(
      [
        { value: 1, wait: 60_000 },
        { value: 2, wait: 60_000 },
      ],
      {
        threads: 2,
        signal: controller.signal,
      },
    );
    const outcome = expect(all).rejects.toThrow("enough");
    await sleep(300);
    controller.abort(new Error("enough"));
    await outcome;
    await expect(square([{ value: 1 }], { threads: 2, signal: controller.signal })).rejects.toThrow("enough");
  });
});
