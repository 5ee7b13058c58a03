import { describe, expect, it } from "vitest";
import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import type { Model } from "../../models/model.ts";
import { modelNamed } from "../../models/named.ts";
import { normalised } from "../../models/normalised.ts";
import { isSmooth } from "../../models/smooth.ts";
import { randomStream } from "../../numeric/random.ts";
import { attackImages } from "./attack-images.ts";
import type { AttackOutcome, AttackSettings, AttackState } from "./attack-outcome.ts";
import { parseDefences } from "./defences/parse.ts";
import { tinyNetwork } from "./tiny-network.testing.ts";

const tiny = tinyNetwork({ inputs: 16, hidden: 24, classes: 5, activation: "sigmoid" });

interface Options extends Partial<Omit<AttackSettings, "plan">> {
  readonly model?: Model;
  readonly truth?: readonly number[];
  readonly seed?: number;
  readonly defence?: string;
  readonly resumed?: AttackState;
  readonly keep?: (state: AttackState) => Promise<void>;
}

function attack({
  model = tiny,
  truth = [3],
  seed = 4,
  defence = "none",
  resumed,
  keep,
  ...rest
}: Options = {}) {
  const [weights, pixels, noise, stream] = randomStream(seed).spawn(4);
  if (!weights || !pixels || !noise || !stream) throw new Error("four streams");
  const size = model.inputShape.reduce((a, b) => a * b);
  const settings: AttackSettings = {
    labels: "infer",
    method: "auto",
    evaluations: 2000,
    restarts: 1,
    dtype: "float64",
    plan: parseDefences(defence),
    ...rest,
  };
  return attackImages({
    model,
    parameters: model.init(weights, settings.dtype),
    images: ndarray(pixels.uniform(truth.length * size), [truth.length, ...model.inputShape], "float64"),
    labels: truth,
    noise,
    settings,
    stream,
    checkpoints: { resumed, due: () => true, keep: keep ?? (async () => {}) },
  });
}

const errors = ({ matches }: AttackOutcome) => matches.map(({ meanSquaredError }) => meanSquaredError);

describe("an attack on a gradient", () => {
  it("reads the input off a fully connected first layer, exactly", async () => {
    const outcome = await attack();
    expect(outcome).toMatchObject({ method: "linear", recoveredLabels: [3], attempts: [], evaluations: 1 });
    expect(errors(outcome)[0]).toBeLessThan(1e-28);
    expect(outcome.mismatch).toBeLessThan(1e-28);
  });

  it("does so through a normalisation in front", async () => {
    const inner = modelNamed("mlp", { inputShape: [3, 4, 4], classes: 5 });
    const outcome = await attack({ model: normalised(inner, { mean: [0.4, 0.5, 0.6], deviation: [0.25] }) });
    expect(outcome.method).toBe("linear");
    expect(errors(outcome)[0]).toBeLessThan(1e-26);
  });

  it("searches where what was read off does not match, and keeps the better of both", async () => {
    const rounded = await attack({ defence: "int8" });
    const read = await attack({ defence: "int8", method: "linear" });
    expect(read.mismatch).toBeGreaterThan(1e-6);
    expect(rounded.method).toBe("dlg");
    expect(rounded.mismatch).toBeLessThan(read.mismatch);
  });

  it("matches gradients of a batch, and puts what it found in the order of the originals", async () => {
    const outcome = await attack({ truth: [0, 3, 1], seed: 2, evaluations: 3000 });
    expect(outcome).toMatchObject({ method: "dlg", labelKnowledge: "infer" });
    for (const error of errors(outcome)) expect(error).toBeLessThan(1e-6);
    expect(outcome.recoveredLabels).toEqual([0, 3, 1]);
    const frames = outcome.frames.at(-1)?.images as NDArray<"float64">;
    expect(frames.data).toEqual(outcome.recovered.data);
    expect(outcome.curve.at(-1)?.meanSquaredError).toBe(Math.max(...errors(outcome)));
  });

  it("matches what several local steps of the client changed", async () => {
    const outcome = await attack({ defence: "local-steps:3:0.2" });
    expect(outcome.method).toBe("dlg");
    expect(errors(outcome)[0]).toBeLessThan(1e-6);
  });

  it("leaves labels to the search where no last layer is found, and says so", async () => {
    const model: Model = { ...tiny, apply: (values, x) => op.tanh(tiny.apply(values, x)) };
    const outcome = await attack({ model });
    expect(outcome).toMatchObject({ method: "dlg", labelKnowledge: "joint", recoveredLabels: [3] });
    expect(outcome.notes[0]).toContain("no last linear layer was found");
    expect(errors(outcome)[0]).toBeLessThan(1e-6);
  });

  it("tries several starts, keeps what ended, and goes on to the same bits", async () => {
    const states: AttackState[] = [];
    const options = { truth: [2, 2, 4, 1], evaluations: 40, restarts: 3, labels: "joint" } as const;
    const { seconds: _, ...whole } = await attack({
      ...options,
      keep: async (state) => void states.push(structuredClone(state)),
    });
    expect(whole.attempts).toHaveLength(3);
    expect(whole.evaluations).toBe(whole.attempts.reduce((sum, { evaluations }) => sum + evaluations, 0));
    const [, resumed] = states;
    const { seconds: __, ...rest } = await attack({ ...options, ...(resumed && { resumed }) });
    expect(rest).toEqual(whole);
  });

  it("looks for the most probable image behind a noised gradient, and goes on to the same bits", async () => {
    const model = modelNamed("lenet", { inputShape: [1, 12, 12], classes: 4 });
    const states: AttackState[] = [];
    const options = { model, defence: "noise:gaussian:1e-3", evaluations: 120 };
    const { seconds: _, ...whole } = await attack({
      ...options,
      keep: async (state) => void states.push(structuredClone(state)),
    });
    expect(whole).toMatchObject({
      method: "informed",
      defence: { adaptation: expect.stringContaining("weighs by the errors") },
    });
    const resumed = states[Math.floor(states.length / 2)];
    const { seconds: __, ...rest } = await attack({ ...options, ...(resumed && { resumed }) });
    expect(rest).toEqual(whole);
    const plain = await attack({ ...options, method: "dlg" });
    expect(errors(whole as AttackOutcome)[0]).toBeLessThan(errors(plain)[0] ?? 0);
  });

  it("inverts a network with kinks by angles, inside [0, 1]", async () => {
    const model = modelNamed("cnn", { inputShape: [1, 12, 12], classes: 3, width: 4 });
    const outcome = await attack({ model, truth: [1], evaluations: 60 });
    expect(outcome).toMatchObject({ method: "inverting", distance: "squared", recoveredLabels: [1] });
    expect(Math.min(...outcome.recovered.data)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...outcome.recovered.data)).toBeLessThanOrEqual(1);
    expect(outcome.curve.at(-1)?.matchingLoss).toBeLessThan(0.5 * (outcome.curve[0]?.matchingLoss ?? 0));
  });

  it("solves LeNet layer by layer", async () => {
    const outcome = await attack({
      model: modelNamed("lenet", { inputShape: [1, 12, 12], classes: 4 }),
      method: "closed-form",
    });
    expect(errors(outcome)[0]).toBeLessThan(1e-12);
    expect(outcome.attempts).toEqual([]);
  });

  it.each([
    [
      { method: "linear", truth: [1, 2] },
      "linear: it takes the gradient of one example, found that of 2 examples",
    ],
    [{ method: "linear", labels: "joint" }, "linear: it needs the labels"],
    [{ method: "closed-form", truth: [1, 2] }, "closed-form: it takes the gradient of one example"],
    [
      { method: "linear", model: modelNamed("lenet", { inputShape: [1, 12, 12], classes: 4 }) },
      "linear: LeNet with sigmoids does not begin with a fully connected layer",
    ],
    [{ method: "informed", restarts: 2 }, "informed: it makes one search from one start, found 2 restarts"],
    [{ truth: [5] }, "label 5 is not a class from 0 to 4"],
  ] as const)("refuses %o", async (options, message) => {
    await expect(attack(options)).rejects.toThrow(message);
  });
});

describe("isSmooth", () => {
  it.each([
    ["lenet", "sigmoid", true],
    ["cnn", "relu", false],
    ["cnn", "gelu", true],
    ["mlp", "tanh", true],
    ["resnet20", "relu", false],
    ["resnet20", "softplus", true],
  ] as const)("of %s with %s is %s", (name, activation, expected) => {
    expect(isSmooth(modelNamed(name, { inputShape: [3, 8, 8], classes: 4, activation }))).toBe(expected);
  });
});
