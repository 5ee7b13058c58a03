import { describe, expect, it } from "vitest";
import type { Objective } from "../../training/lbfgs.ts";
import { type AttemptSettings, runAttempt } from "./attempt.ts";

const size = 40;
const settings: AttemptSettings = {
  optimizer: "lbfgs",
  evaluations: 2000,
  learningRate: 0.1,
  pixels: size,
  enough: 0,
  patience: 10,
};

/** floor + ½ Σ c_i (x_i − 1)², c from 1e-3 to 1: as for a gradient with noise, the loss nears a floor long before x is there. */
function bowl(floor: number): Objective {
  return async (x) => {
    const gradient = new Float64Array(size);
    let value = floor;
    for (let i = 0; i < size; i++) {
      const curvature = 10 ** (-3 + (3 * i) / (size - 1));
      const apart = (x[i] ?? 0) - 1;
      value += 0.5 * curvature * apart ** 2;
      gradient[i] = curvature * apart;
    }
    return { value, gradient };
  };
}

describe("runAttempt", () => {
  it("does not give up images that still move where the loss is nearly all floor", async () => {
    const { x, status } = await runAttempt(bowl(100), new Float64Array(size), settings);
    expect(Math.max(...x.map((value) => Math.abs(value - 1)))).toBeLessThan(0.05);
    expect(status).not.toBe("aborted");
  });

  it("gives up where neither the loss falls nor the pixels move", async () => {
    // What is behind the pixels moves for as long as it likes.
    const restless: Objective = async (x) => ({
      value: 1 + 1e-3 * Math.exp(-(x[1] ?? 0)),
      gradient: Float64Array.of(0, -1e-3 * Math.exp(-(x[1] ?? 0))),
    });
    const { status, reason, evaluations } = await runAttempt(restless, Float64Array.of(1, 0), {
      ...settings,
      pixels: 1,
    });
    expect(status).toBe("stuck");
    expect(reason).toContain("10 evaluations");
    expect(evaluations).toBeLessThan(100);
  });
});
