import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  createLbfgs,
  type LbfgsCheckpoint,
  type LbfgsOptions,
  lbfgsCheckpoint,
  lbfgsStep,
  minimize,
  type Objective,
} from "./lbfgs.ts";

interface Vectors {
  problems: Record<string, { start: number[] } & Record<string, unknown>>;
  cases: {
    problem: string;
    steps: number;
    options: Record<string, number | string>;
    evaluations: { x: number[]; value: number }[];
    evaluationsAfterStep: number[];
    iterations: number;
    x: number[];
  }[];
}
const vectors = JSON.parse(
  readFileSync(new URL("../../test/vectors/lbfgs.json", import.meta.url), "utf8"),
) as Vectors;

/** Each test objective writes into one buffer, as a compiled graph would. */
function rosenbrock(n: number): Objective {
  const gradient = new Float64Array(n);
  return async (x) => {
    gradient.fill(0);
    let value = 0;
    for (let i = 0; i + 1 < n; i++) {
      const a = (x[i + 1] ?? 0) - (x[i] ?? 0) ** 2;
      const b = 1 - (x[i] ?? 0);
      value += 100 * a * a + b * b;
      gradient[i] = (gradient[i] ?? 0) - 400 * a * (x[i] ?? 0) - 2 * b;
      gradient[i + 1] = (gradient[i + 1] ?? 0) + 200 * a;
    }
    return { value, gradient };
  };
}

function quadratic(curvatures: number[], target: number[]): Objective {
  const gradient = new Float64Array(target.length);
  return async (x) => {
    let value = 0;
    for (const [i, curvature] of curvatures.entries()) {
      const away = (x[i] ?? 0) - (target[i] ?? 0);
      value += 0.5 * curvature * away * away;
      gradient[i] = curvature * away;
    }
    return { value, gradient };
  };
}

function logistic(rows: number[][], labels: number[]): Objective {
  const gradient = new Float64Array(rows[0]?.length ?? 0);
  return async (x) => {
    let value = 0;
    for (let i = 0; i < x.length; i++) {
      value += 0.005 * (x[i] ?? 0) ** 2;
      gradient[i] = 0.01 * (x[i] ?? 0);
    }
    for (const [r, row] of rows.entries()) {
      const z = row.reduce((sum, entry, i) => sum + entry * (x[i] ?? 0), 0);
      const label = labels[r] ?? 0;
      value += (Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - label * z) / rows.length;
      const residual = (1 / (1 + Math.exp(-z)) - label) / rows.length;
      for (const [i, entry] of row.entries()) gradient[i] = (gradient[i] ?? 0) + residual * entry;
    }
    return { value, gradient };
  };
}

function objectiveOf(problem: string): Objective {
  const data = vectors.problems[problem] as unknown as {
    start: number[];
    curvatures: number[];
    target: number[];
    rows: number[][];
    labels: number[];
  };
  if (problem === "quadratic") return quadratic(data.curvatures, data.target);
  if (problem === "logistic") return logistic(data.rows, data.labels);
  return rosenbrock(data.start.length);
}

function optionsOf(options: Record<string, number | string>): LbfgsOptions {
  const names = {
    max_iter: "maxIterations",
    max_eval: "maxEvaluations",
    lr: "learningRate",
    tolerance_grad: "toleranceGradient",
    tolerance_change: "toleranceChange",
  } as const;
  const ours: Record<string, number | string> = {
    lineSearch: options.line_search_fn === "strong_wolfe" ? "strong-wolfe" : "none",
  };
  for (const [theirs, name] of Object.entries(names)) {
    const value = options[theirs];
    if (value !== undefined) ours[name] = value;
  }
  return ours;
}

const startOf = (problem: string): Float64Array => Float64Array.from(vectors.problems[problem]?.start ?? []);

/** The objective, with every evaluation written down. */
function recorded(objective: Objective): { objective: Objective; trace: { x: number[]; value: number }[] } {
  const trace: { x: number[]; value: number }[] = [];
  return {
    trace,
    objective: async (x) => {
      const result = await objective(x);
      trace.push({ x: Array.from(x), value: result.value });
      return result;
    },
  };
}

/** |ours - theirs| over |theirs|, or over `floor` where that is larger. */
const relative = (ours: number | undefined, theirs: number, floor: number): number =>
  Math.abs((ours ?? Number.NaN) - theirs) / Math.max(floor, Math.abs(theirs));

/** Where the values only move by rounding: from there on, how long the search goes on is chance. */
function settledAt(evaluations: readonly { value: number }[]): number {
  const lowest = Math.min(...evaluations.map(({ value }) => value));
  const initial = Math.abs(evaluations[0]?.value ?? 0);
  return 1 + evaluations.findLastIndex(({ value }) => value - lowest > 1e-15 * initial);
}

describe("lbfgsStep against torch.optim.LBFGS", () => {
  for (const expected of vectors.cases)
    it(`${expected.problem}, ${expected.steps} steps of ${JSON.stringify(expected.options)}`, async () => {
      const { objective, trace } = recorded(objectiveOf(expected.problem));
      const historySize = Number(expected.options.history_size ?? 100);
      const state = createLbfgs(startOf(expected.problem), { historySize });
      const counts: number[] = [];
      for (let step = 0; step < expected.steps; step++) {
        await lbfgsStep(state, objective, optionsOf(expected.options));
        counts.push(state.evaluations);
      }
      const settled = settledAt(expected.evaluations);
      const initial = Math.abs(expected.evaluations[0]?.value ?? 0);
      for (const [i, { x, value }] of expected.evaluations.slice(0, settled).entries()) {
        const ours = trace[i];
        // Rounding grows along a curved valley; the trace is compared to 1e-9 for its first 40 evaluations.
        const tolerance = i < 40 ? 1e-9 : 1e-7;
        expect(ours?.x.length, `evaluation ${i}`).toBe(x.length);
        for (const [k, coordinate] of x.entries())
          expect(relative(ours?.x[k], coordinate, 1), `x[${k}] of evaluation ${i}`).toBeLessThan(tolerance);
        expect(relative(ours?.value, value, 1e-6 * initial), `value of evaluation ${i}`).toBeLessThan(
          tolerance,
        );
      }
      for (const [k, coordinate] of expected.x.entries())
        expect(relative(state.x[k], coordinate, 1), `x[${k}] at the end`).toBeLessThan(1e-7);
      if (settled < expected.evaluations.length) return;
      expect(counts).toEqual(expected.evaluationsAfterStep);
      expect(state.iterations).toBe(expected.iterations);
    });
});

describe("lbfgsStep", () => {
  it("goes on from a structuredClone of its state with the same bits", async () => {
    const state = createLbfgs(startOf("rosenbrock10"), { historySize: 5 });
    await lbfgsStep(state, rosenbrock(10), { maxIterations: 9 });
    const copy = structuredClone(state);
    await lbfgsStep(state, rosenbrock(10), { maxIterations: 9 });
    await lbfgsStep(copy, rosenbrock(10), { maxIterations: 9 });
    expect(copy).toEqual(state);
    expect(copy.memory.count).toBe(5);
  });

  it("goes on after an abort as if it had not been", async () => {
    const whole = createLbfgs(startOf("rosenbrock10"));
    await lbfgsStep(whole, rosenbrock(10), { maxIterations: 12 });
    const broken = createLbfgs(startOf("rosenbrock10"));
    const controller = new AbortController();
    const result = await lbfgsStep(broken, rosenbrock(10), {
      maxIterations: 12,
      signal: controller.signal,
      onIteration: ({ iterations }) => iterations === 5 && controller.abort(),
    });
    expect(result.status).toBe("aborted");
    expect(result.iterations).toBe(5);
    await lbfgsStep(broken, rosenbrock(10), { maxIterations: 7 });
    expect(broken.x).toEqual(whole.x);
    expect(broken.iterations).toBe(12);
  });

  it("stops when onIteration says so", async () => {
    const state = createLbfgs(startOf("rosenbrock2"));
    const result = await lbfgsStep(state, rosenbrock(2), {
      onIteration: ({ value }) => (value < 4 ? "stop" : undefined),
    });
    expect(result.status).toBe("stopped");
    expect(result.value).toBeLessThan(4);
  });

  it.each(["strong-wolfe", "none"] as const)(
    "ends as diverged at the last finite point (%s)",
    async (lineSearch) => {
      // Finite only left of 0.5, and still falling there.
      const objective: Objective = async (x) => {
        const at = x[0] ?? 0;
        return { value: at < 0.5 ? -at : Number.POSITIVE_INFINITY, gradient: Float64Array.of(-1) };
      };
      const state = createLbfgs(Float64Array.of(0));
      const result = await lbfgsStep(state, objective, { lineSearch });
      expect(result.status).toBe("diverged");
      expect(result.reason).toContain("Infinity at step length 1");
      expect(Array.from(state.x)).toEqual([0]);
      expect(result.value).toBe(-0);
    },
  );

  it("sees a gradient that is not finite where the value is", async () => {
    let calls = 0;
    const objective: Objective = async () => ({
      value: -calls,
      gradient: Float64Array.of(1, calls++ === 0 ? 1 : Number.NaN),
    });
    for (const lineSearch of ["strong-wolfe", "none"] as const) {
      calls = 0;
      const result = await lbfgsStep(createLbfgs(new Float64Array(2)), objective, { lineSearch });
      expect(result.status).toBe("diverged");
      expect(result.reason).toContain("gradient is not finite");
    }
  });

  it("names a start where the objective is not finite", async () => {
    const nan: Objective = async () => ({ value: Number.NaN, gradient: Float64Array.of(1) });
    const result = await lbfgsStep(createLbfgs(Float64Array.of(1)), nan);
    expect(result.status).toBe("diverged");
    expect(result.reason).toContain("at the start the objective is NaN");
  });

  it("names what is wrong with its input", async () => {
    expect(() => createLbfgs(new Float64Array(0))).toThrow("empty");
    expect(() => createLbfgs(Float64Array.of(1, Number.NaN))).toThrow("NaN at 1");
    expect(() => createLbfgs(Float64Array.of(1), { historySize: 0 })).toThrow("historySize 0");
    const state = createLbfgs(startOf("rosenbrock2"));
    await expect(lbfgsStep(state, rosenbrock(3))).rejects.toThrow("the gradient has 3 entries, x has 2");
    const refused = (options: LbfgsOptions) => expect(lbfgsStep(state, rosenbrock(2), options)).rejects;
    await refused({ maxIterations: 0 }).toThrow("maxIterations 0");
    await refused({ learningRate: -1 }).toThrow("learningRate -1 is not a positive number");
    await refused({ toleranceGradient: Number.NaN }).toThrow("toleranceGradient NaN");
  });
});

describe("minimize", () => {
  it("finds the minimum, says why it stopped, and leaves the start alone", async () => {
    const start = startOf("rosenbrock10");
    const result = await minimize(rosenbrock(10), start, { toleranceChange: 0 });
    expect(start).toEqual(startOf("rosenbrock10"));
    expect(result.status).toBe("gradient-tolerance");
    expect(result.reason).toMatch(/largest gradient entry is .* within 1e-7/);
    for (const value of result.x) expect(value).toBeCloseTo(1, 7);
  });

  it("evaluates at the point it returns, also without a line search", async () => {
    const { start, ...data } = vectors.problems.quadratic as unknown as {
      start: number[];
      curvatures: number[];
      target: number[];
    };
    const objective = quadratic(data.curvatures, data.target);
    const options = { lineSearch: "none", maxIterations: 7, learningRate: 0.5 } as const;
    const result = await minimize(objective, Float64Array.from(start), options);
    expect(result.status).toBe("max-iterations");
    const { value, gradient } = await objective(result.x);
    expect(result.value).toBe(value);
    expect(result.gradient).toEqual(gradient);
    expect(result.evaluations).toBe(8);
  });

  it("reports each limit", async () => {
    const run = (options: LbfgsOptions) => minimize(rosenbrock(10), startOf("rosenbrock10"), options);
    expect((await run({ maxIterations: 3, maxEvaluations: 50 })).status).toBe("max-iterations");
    expect((await run({ maxEvaluations: 6 })).status).toBe("max-evaluations");
    expect((await run({ toleranceChange: 1e-3 })).status).toBe("change-tolerance");
    expect((await run({ toleranceGradient: 1e6 })).evaluations).toBe(1);
  });

  it.each([
    ["a tolerance on change", { toleranceChange: 1e-9 }],
    ["a tolerance on the gradient", { toleranceGradient: 1e-3, toleranceChange: 0 }],
    ["a budget of evaluations", { maxEvaluations: 41 }],
    ["a number of iterations", { maxIterations: 17 }],
    ["fixed steps", { lineSearch: "none", learningRate: 1e-3, maxIterations: 12, historySize: 3 }],
  ] as const)("goes on from a checkpoint of any iteration to the same end: %s", async (_, options) => {
    const start = Float64Array.from({ length: 10 }, (_, i) => Math.cos(i));
    const checkpoints: LbfgsCheckpoint[] = [];
    const whole = await minimize(rosenbrock(10), start, {
      ...options,
      onIteration: (state) => void checkpoints.push(structuredClone(lbfgsCheckpoint(state))),
    });
    expect(checkpoints.length).toBeGreaterThan(5);
    for (const from of checkpoints)
      expect(await minimize(rosenbrock(10), start, { ...options, from })).toEqual(whole);
  });

  it("waits for the promise of onIteration", async () => {
    const seen: number[] = [];
    const { evaluations } = await minimize(rosenbrock(4), new Float64Array(4), {
      maxIterations: 6,
      maxEvaluations: 100,
      onIteration: async (state) => {
        const before = state.x.slice();
        await new Promise((resolve) => setTimeout(resolve, 1));
        expect(state.x).toEqual(before);
        seen.push(state.evaluations);
      },
    });
    expect(seen).toHaveLength(6);
    expect(seen.at(-1)).toBe(evaluations);
  });
});
