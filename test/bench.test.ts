import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { labels, lcg, uniform } from "../bench/harness/data.js";
import { formatTime, markdown } from "../bench/harness/report.js";
import { startSide } from "../bench/harness/side.js";
import { quantile, ratioOfMedians, summarize } from "../bench/harness/statistics.js";

describe("bench statistics", () => {
  test("quantiles interpolate linearly, as NumPy's do", () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([4, 1, 3, 2], 0.25)).toBe(1.75);
    expect(quantile([7], 0.9)).toBe(7);
  });

  test("a summary counts the samples of all rounds", () => {
    expect(summarize([[1, 2], [3]])).toEqual({ median: 2, quartiles: [1.5, 2.5], samples: 3 });
  });

  test("the interval of the ratio is a point where the rounds agree, and holds the ratio where they do not", () => {
    expect(ratioOfMedians([[1], [1]], [[2], [2]])).toEqual({ ratio: 0.5, interval: [0.5, 0.5] });
    const noisy = ratioOfMedians([[1], [2], [3]], [[2], [2], [2]]);
    expect(noisy.ratio).toBe(1);
    expect(noisy.interval).toEqual([0.5, 1.5]);
  });
});

describe("bench data", () => {
  test("the numbers are those of uniform and labels in bench/peers/protocol.py", () => {
    // protocol.uniform((3,), 7), protocol.labels((5,), 10, 2)
    expect(Array.from(uniform(3, 7))).toEqual([
      0.08941085659898818, 0.29434178466908634, 0.03852945612743497,
    ]);
    expect(labels(5, 10, 2)).toEqual([9, 6, 2, 0, 9]);
  });

  test("the Lehmer generator gives the numbers of the leakage method's reference cases", () => {
    const numbers = lcg(5);
    expect(Array.from(numbers.uniform(10).subarray(0, 2))).toEqual([
      0.00011238968005049493, 0.4251622457174408,
    ]);
    for (const [i, value] of numbers.normal(3).entries())
      expect(value).toBeCloseTo([0.4064837132188429, -1.2007752826622207, 0.4120547006409704][i] ?? 0, 14);
  });
});

describe("bench report", () => {
  test("times carry their unit", () => {
    expect([2.5e-5, 0.00123, 1.5].map(formatTime)).toEqual(["25.0 us", "1.23 ms", "1.50 s"]);
  });

  test("a row with a ratio is judged against target and aim", () => {
    const side = {
      median: 1e-3,
      quartiles: [1e-3, 2e-3],
      samples: 5,
      form: null,
      note: "7 rounds",
      versions: { torch: "9" },
    };
    const sides = [
      { name: "ours", ...side },
      { name: "PyTorch", ...side, ratio: 0.5, interval: [0.4, 0.7] },
    ];
    const row = { workload: "w", variant: "", threads: 1, target: 0.6, aim: 0.3, against: "PyTorch" };
    const text = markdown([{ ...row, sides, skipped: { other: "absent" } }]);
    expect(text).toContain("torch 9");
    expect(text).toContain(
      "| w | 1 | PyTorch | 1.00 ms | 1.00 ms to 2.00 ms | 0.500 (0.400 to 0.700) | 0.60 | 0.30 | reached |",
    );
    expect(text).toContain("- w, PyTorch: 7 rounds");
    expect(text).toContain("- w, other: absent");
  });
});

describe("bench side", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "fallline-bench-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function script(name: string, text: string): Promise<string> {
    const path = join(folder, `${name}.mjs`);
    await writeFile(path, text);
    return path;
  }

  test("a side is started with its parameters, timed, and stopped", async () => {
    const serve = fileURLToPath(new URL("../bench/harness/serve.js", import.meta.url));
    const path = await script(
      "side",
      `import { serve } from ${JSON.stringify(serve)};
       console.log("chatter of a library");
       serve(async ({ size }, threads) => {
         const wait = () => new Promise((done) => setTimeout(done, 20));
         return { run: wait, unit: 10, check: [size, threads], versions: {} };
       });`,
    );
    const side = await startSide("side", [process.execPath, path, "--threads", "2", "--size", "3"], 1);
    expect(side.ready.check).toEqual([3, 2]);
    const samples = await side.run(4);
    expect(samples).toHaveLength(4);
    expect(Math.min(...samples)).toBeGreaterThan(0);
    side.stop();
  });

  test("a side that fails is named with its error", async () => {
    const path = await script("broken", `throw new Error("no such workload");`);
    await expect(startSide("broken", [process.execPath, path], 1)).rejects.toThrow(
      "broken ended: Error: no such workload",
    );
  });

  test("a program that does not exist is named", async () => {
    await expect(startSide("absent", ["/nonexistent/program"], 1)).rejects.toThrow(/absent ended: .*ENOENT/);
  });
});
