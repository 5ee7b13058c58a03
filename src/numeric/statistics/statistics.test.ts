import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { randomStream } from "../random.ts";
import { studentQuantile } from "../special/incomplete-beta.ts";
import { bootstrap, bootstrapIndices } from "./bootstrap.ts";
import { kendall, pearson, spearman } from "./correlation.ts";
import { addValue, mergeMoments, momentsOf, standardErrorOf, varianceOf } from "./moments.ts";
import { pairedTTest, signTest, wilcoxonSignedRank } from "./paired-tests.ts";
import { clopperPearsonInterval, wilsonInterval } from "./proportion.ts";
import { median, type QuantileMethod, quantile, quantiles } from "./quantile.ts";
import { rank } from "./ranks.ts";

interface Vectors {
  correlations: ({ name: string; x: number[]; y: number[] } & Record<string, number>)[];
  quantiles: { sample: number[]; probabilities: number[] } & Record<QuantileMethod, number[]>;
  moments: { sample: number[]; mean: number; variance: number };
  paired: {
    a: number[];
    b: number[];
    t: number;
    tP: number;
    interval: [number, number];
    wilcoxon: number;
    wilcoxonP: number;
    method: "exact" | "asymptotic";
    signP: number;
  }[];
  proportions: { k: number; n: number; level: number; wilson: [number, number]; exact: [number, number] }[];
  bootstrap: { sample: number[]; percentile: [number, number]; BCa: [number, number] };
  studentQuantiles: [number, number, number][];
}

const path = new URL("../../../test/vectors/numeric/statistics.json", import.meta.url);
const vectors = JSON.parse(readFileSync(path, "utf8")) as Vectors;

function expectNear(value: number, expected: number, tolerance = 1e-11): void {
  expect(Math.abs(value - expected)).toBeLessThanOrEqual(tolerance * Math.abs(expected));
}

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("moments", () => {
  it("are NumPy's, also far from 0 and merged from parts", () => {
    const { sample, mean: expected, variance } = vectors.moments;
    const moments = momentsOf(sample);
    expectNear(moments.mean, expected, 1e-14);
    expectNear(varianceOf(moments), variance, 1e-14);
    expectNear(standardErrorOf(moments), Math.sqrt(variance / sample.length), 1e-14);
    for (const cut of [0, 1, 9, sample.length]) {
      const merged = mergeMoments(momentsOf(sample.slice(0, cut)), momentsOf(sample.slice(cut)));
      expect(merged.count).toBe(sample.length);
      expectNear(merged.mean, expected, 1e-14);
      expectNear(varianceOf(merged), variance, 1e-13);
    }
    expectNear(varianceOf(momentsOf(sample.map((value) => value + 1e9))), variance, 1e-6);
  });

  it("refuse what has no variance", () => {
    expect(() => varianceOf(momentsOf([1]))).toThrow("1 values have no variance");
    expect(() => addValue(momentsOf([1, 2]), Number.NaN)).toThrow("value 2 is NaN");
    expect(mergeMoments(momentsOf(), momentsOf())).toEqual({ count: 0, mean: 0, squares: 0 });
  });
});

describe("quantiles", () => {
  it.each<QuantileMethod>([
    "inverted_cdf",
    "hazen",
    "weibull",
    "linear",
    "median_unbiased",
    "normal_unbiased",
  ])("are NumPy's by %s", (method) => {
    const { sample, probabilities } = vectors.quantiles;
    quantiles(sample, probabilities, { method }).forEach((value, i) => {
      expect(value).toBeCloseTo(vectors.quantiles[method][i] as number, 14);
    });
  });

  it("have a median, and leave the sample as it is", () => {
    const values = [3, 1, 2, 10];
    expect(median(values)).toBe(2.5);
    expect(values).toEqual([3, 1, 2, 10]);
    expect(quantile([7], 0.3)).toBe(7);
    expect(() => quantile([], 0.5)).toThrow("quantiles: 0 values are not enough");
    expect(() => quantile([1], 1.2)).toThrow("probability 1.2 is not in [0, 1]");
    expect(() => quantile([1, Number.NaN], 0.5)).toThrow("value 1 is NaN");
  });
});

describe("correlations", () => {
  it("share ranks among ties", () => {
    expect(rank([10, 20, 10, 5, 20, 20])).toEqual({
      ranks: Float64Array.of(2.5, 5, 2.5, 1, 5, 5),
      tieSizes: [2, 3],
    });
  });

  it.each(vectors.correlations)("are SciPy's: $name", (reference) => {
    for (const [name, f] of Object.entries({ kendall, spearman, pearson })) {
      const { coefficient, pValue } = f(reference.x, reference.y);
      expectNear(coefficient, reference[name] as number);
      expectNear(pValue, reference[`${name}P`] as number, 1e-9);
    }
  });

  it("count pairs as their definition does", () => {
    const stream = randomStream(3);
    for (const levels of [2, 5, 100]) {
      const x = stream.integers(60, 0, levels);
      const y = stream.integers(60, 0, levels);
      let sum = 0;
      let untiedX = 0;
      let untiedY = 0;
      for (let i = 0; i < 60; i++)
        for (let j = 0; j < i; j++) {
          const dx = Math.sign((x[i] as number) - (x[j] as number));
          const dy = Math.sign((y[i] as number) - (y[j] as number));
          sum += dx * dy;
          untiedX += dx * dx;
          untiedY += dy * dy;
        }
      expectNear(kendall(x, y).coefficient, sum / Math.sqrt(untiedX * untiedY), 1e-13);
    }
  });

  it("are 1 and -1 for lines, whatever the offset", () => {
    const x = Array.from({ length: 50 }, (_, i) => 1e12 + i);
    for (const f of [pearson, spearman, kendall]) {
      expect(f(x, x).coefficient).toBeCloseTo(1, 14);
      expect(f(x, x.toReversed()).coefficient).toBeCloseTo(-1, 14);
    }
    expect(pearson([1, 2, 3], [1, 2, 3]).pValue).toBeLessThan(1e-7);
  });

  it("refuse constant and unpaired columns", () => {
    for (const f of [pearson, spearman, kendall]) {
      expect(() => f([1, 1, 1], [1, 2, 3])).toThrow("the first column is constant");
      expect(() => f([1, 2, 3], [0.1, 0.1, 0.1])).toThrow("the second column is constant");
      expect(() => f([1, 2, 3], [1, 2])).toThrow("3 and 2 values are not pairs");
    }
  });
});

describe("paired tests", () => {
  it.each(vectors.paired.map((reference, i) => ({ ...reference, i })))("are SciPy's: set $i", (reference) => {
    const t = pairedTTest(reference.a, reference.b);
    expectNear(t.t, reference.t);
    expectNear(t.pValue, reference.tP, 1e-10);
    expectNear(t.low, reference.interval[0], 1e-9);
    expectNear(t.high, reference.interval[1], 1e-9);
    const wilcoxon = wilcoxonSignedRank(reference.a, reference.b);
    expect(Math.min(wilcoxon.positive, wilcoxon.negative)).toBe(reference.wilcoxon);
    expect(wilcoxon.method).toBe(reference.method === "exact" ? "exact" : "normal");
    expectNear(wilcoxon.pValue, reference.wilcoxonP, 1e-10);
    expectNear(signTest(reference.a, reference.b).pValue, reference.signP, 1e-11);
  });

  it("have quantiles of Student's t to match", () => {
    for (const [p, degrees, expected] of vectors.studentQuantiles)
      expectNear(studentQuantile(p, degrees), expected, 1e-9);
  });

  it("refuse pairs without differences", () => {
    expect(() => pairedTTest([1, 2], [0, 1])).toThrow("all differences are 1");
    expect(() => wilcoxonSignedRank([1, 2], [1, 2])).toThrow("all differences are 0");
    expect(() => signTest([1, 2], [1, 2])).toThrow("all pairs are equal");
    expect(() => pairedTTest([1, 2], [0, 3], { level: 95 })).toThrow("level 95 is not between 0 and 1");
  });
});

describe("proportions", () => {
  it.each(vectors.proportions)("have SciPy's intervals: $k of $n", ({ k, n, level, wilson, exact }) => {
    const score = wilsonInterval(k, n, { level });
    expect(score.low).toBeCloseTo(wilson[0], 13);
    expect(score.high).toBeCloseTo(wilson[1], 13);
    const sure = clopperPearsonInterval(k, n, { level });
    expect(sure.low).toBeCloseTo(exact[0], 12);
    expect(sure.high).toBeCloseTo(exact[1], 12);
  });

  it("refuse impossible counts", () => {
    expect(() => wilsonInterval(3, 2)).toThrow("3 is not a number of successes from 0 to 2");
    expect(() => clopperPearsonInterval(0, 0)).toThrow("0 is not a number of trials from 1 up");
  });
});

describe("bootstrap", () => {
  it.each(["percentile", "BCa"] as const)("comes near the limits of many resamples: %s", (name) => {
    const { sample } = vectors.bootstrap;
    const method = name === "BCa" ? "bca" : "percentile";
    const result = bootstrap(sample, mean, randomStream(1), { method, resamples: 20_000 });
    const [low, high] = vectors.bootstrap[name];
    // A limit's own spread: about 1% of the interval with 20000 resamples.
    expect(Math.abs(result.low - low)).toBeLessThan(0.03 * (high - low));
    expect(Math.abs(result.high - high)).toBeLessThan(0.03 * (high - low));
    expectNear(result.standardError, standardErrorOf(momentsOf(sample)) * Math.sqrt(39 / 40), 0.03);
  });

  it("gives the same for the same seed, and for values or indices", () => {
    const values = randomStream(2).normal(30);
    const options = { resamples: 500 };
    const first = bootstrap(values, mean, randomStream(4), options);
    expect(bootstrap(values, mean, randomStream(4), options)).toEqual(first);
    expect(bootstrap(values, mean, randomStream(5), options)).not.toEqual(first);
    const byIndex = (indices: Int32Array): number =>
      mean(Float64Array.from(indices, (i) => values[i] as number));
    expect(bootstrapIndices(30, byIndex, randomStream(4), options)).toEqual(first);
  });

  it("covers the mean about as often as it says", () => {
    const stream = randomStream(6);
    let covered = 0;
    for (let repeat = 0; repeat < 200; repeat++) {
      const { low, high } = bootstrap(stream.exponential(40), mean, stream, { level: 0.9, resamples: 400 });
      if (low <= 1 && high >= 1) covered++;
    }
    expect(covered).toBeGreaterThan(162);
    expect(covered).toBeLessThan(195);
  });

  it("says what it cannot do", () => {
    const stream = randomStream(7);
    expect(() => bootstrap([1], mean, stream)).toThrow("1 values are not enough");
    expect(() => bootstrap([2, 2, 2], mean, stream)).toThrow('use method "percentile"');
    expect(bootstrap([2, 2, 2], mean, stream, { method: "percentile" })).toMatchObject({ low: 2, high: 2 });
    expect(() => bootstrap([1, 2], () => Number.NaN, stream)).toThrow("the statistic of the sample is NaN");
    expect(() => bootstrap([1, 2], mean, stream, { resamples: 3 })).toThrow("3 is not a number of resamples");
  });
});
