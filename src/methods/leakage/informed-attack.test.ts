import { describe, expect, it } from "vitest";
import { ndarray } from "../../engine/ndarray.ts";
import { lenet } from "../../models/lenet.ts";
import { randomStream } from "../../numeric/random.ts";
import { applyDefences, parseDefences } from "./defences/parse.ts";
import { meanSquaredError } from "./image-metrics.ts";
import { informedAttack } from "./informed-attack.ts";
import { recover } from "./recover.ts";
import { sharedGradient } from "./shared-gradient.ts";

/** A grey disc on a slope: what images are like. */
const side = 16;
const pixels = Float64Array.from({ length: side * side }, (_, i) => {
  const [row, column] = [Math.floor(i / side), i % side];
  return Math.hypot(row - 7, column - 9) < 5 ? 0.9 : 0.2 + (0.3 * row) / side;
});
const image = ndarray(pixels, [1, 1, side, side], "float64");
const model = lenet({ channels: 1, side, classes: 10 });
const parameters = model.init(randomStream(6), "float64");
const exact = await sharedGradient({ model, parameters, x: image, labels: [3], dtype: "float64" });

async function shared(defence: string) {
  const { defences } = parseDefences(defence);
  const gradient = await applyDefences(exact, defences, {
    stream: randomStream(7),
    client: { model, parameters, x: image },
  });
  return { gradient, effects: defences.flatMap(({ effects }) => effects) };
}

async function attack(defence: string, evaluations = 400) {
  const { gradient, effects } = await shared(defence);
  const result = await informedAttack({
    model,
    parameters,
    gradient,
    label: 3,
    effects,
    stream: randomStream(1),
    dtype: "float64",
    evaluations,
  });
  return { ...result, error: meanSquaredError(image, result.images) };
}

describe("informedAttack", () => {
  it.each(["none", "clip:1", "prune:0.3"])("recovers an image through %s", async (defence) => {
    const { error, images, evaluations } = await attack(defence);
    expect(error).toBeLessThan(1e-4);
    expect(evaluations).toBeLessThanOrEqual(402);
    expect(Math.min(...images.data)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...images.data)).toBeLessThanOrEqual(1);
  });

  it.each(["noise:gaussian:3e-2", "top-k:0.01"])(
    "sees more through %s than one who only matches",
    async (defence) => {
      const { gradient } = await shared(defence);
      const naive = await recover({
        model,
        parameters,
        gradient,
        labels: [3],
        stream: randomStream(1),
        evaluations: 400,
        ...(defence.startsWith("top-k") && { mask: "sent" as const }),
      });
      const { error } = await attack(defence);
      expect(error).toBeLessThan(0.5 * meanSquaredError(image, naive.images));
    },
  );

  it("never takes more evaluations than it may, but for a line search", async () => {
    for (const defence of ["none", "noise:gaussian:1e-2", "top-k:0.01"])
      expect((await attack(defence, 30)).evaluations).toBeLessThanOrEqual(33);
  });

  it("says what it does, and stops when it is told to", async () => {
    expect((await attack("sign", 5)).words).toBe("makes the signs agree; smooth images");
    expect((await attack("soteria:0.5", 5)).words).toBe(
      "matches the gradient, where it was sent; smooth images at first",
    );
    const { gradient, effects } = await shared("none");
    const request = { model, parameters, gradient, label: 3, effects, dtype: "float64" as const };
    await expect(
      informedAttack({
        ...request,
        stream: randomStream(1),
        evaluations: 400,
        signal: AbortSignal.abort(new Error("enough")),
      }),
    ).rejects.toThrow("enough");
  });
});
