import { describe, expect, it } from "vitest";
import { toNumbers } from "../engine/ndarray.ts";
import { sizeOf } from "../engine/shape.ts";
import * as tree from "../engine/tree.ts";
import { randomStream } from "../numeric/random.ts";
import { type Initialisation, initialisationNamed, initialise } from "./initialisation.ts";
import { convolutionParameters, transposedParameters } from "./layers/convolution.ts";
import { embeddingParameters } from "./layers/embedding.ts";
import { linearParameters } from "./layers/linear.ts";
import { normalisationParameters } from "./layers/normalisation.ts";
import { mlp } from "./mlp.ts";
import { flat } from "./names.ts";
import { resnet } from "./resnet.ts";

const layers = {
  linear: linearParameters(300, 200, "float64"),
  conv: convolutionParameters({ inputs: 20, outputs: 60, kernel: 5 }, "float64"),
  transposed: transposedParameters({ inputs: 20, outputs: 60, kernel: 5 }, "float64"),
  embedding: embeddingParameters(500, 60, "float64"),
  norm: normalisationParameters(4000, "float64"),
};

/** A distribution's moments about 0 and its largest absolute value. */
interface Expected {
  readonly deviation: number;
  readonly uniform: boolean;
}

const uniform = (bound: number): Expected => ({ deviation: bound / Math.sqrt(3), uniform: true });
const normal = (deviation: number): Expected => ({ deviation, uniform: false });

/**
 * Mean, variance and fourth moment within four standard errors (6e-5 of false alarms each; the seed is fixed), so that a
 * normal is told from a uniform of the same variance; a uniform fills its range and never leaves it.
 */
function expectDistribution(values: readonly number[], { deviation, uniform: isUniform }: Expected): void {
  const n = values.length;
  const scaled = values.map((v) => v / deviation);
  const moment = (power: number): number => scaled.reduce((sum, v) => sum + v ** power, 0) / n;
  const [fourth, sixth, eighth] = isUniform ? [9 / 5, 27 / 7, 9] : [3, 15, 105];
  expect(sixth).toBeGreaterThan(fourth);
  expect(Math.abs(moment(1))).toBeLessThan(4 * Math.sqrt(1 / n));
  expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt((fourth - 1) / n));
  expect(Math.abs(moment(4) - fourth)).toBeLessThan(4 * Math.sqrt((eighth - fourth ** 2) / n));
  if (!isUniform) return;
  const bound = Math.sqrt(3);
  const largest = Math.max(...scaled.map(Math.abs));
  expect(largest).toBeLessThanOrEqual(bound * (1 + 1e-12));
  // All of n draws stay below 1 - 10/n with probability e^-10.
  expect(largest).toBeGreaterThan(bound * (1 - 10 / n));
}

// The fans that torch.nn.init counts: [in, out] x receptive field; a transposed weight's first two axes are swapped.
const fans = {
  linear: [300, 200],
  conv: [500, 1500],
  transposed: [1500, 500],
  embedding: [60, 500],
} as const;
type Layer = keyof typeof fans;

const weightRules: Record<string, (layer: Layer) => Expected> = {
  pytorch: (layer) => (layer === "embedding" ? normal(1) : uniform(1 / Math.sqrt(fans[layer][0]))),
  "xavier-uniform": (layer) => uniform(Math.sqrt(6 / (fans[layer][0] + fans[layer][1]))),
  "xavier-normal": (layer) => normal(Math.sqrt(2 / (fans[layer][0] + fans[layer][1]))),
  "he-uniform": (layer) => uniform(Math.sqrt(6 / fans[layer][0])),
  "he-normal": (layer) => normal(Math.sqrt(2 / fans[layer][0])),
  "uniform:0.5": () => uniform(0.5),
  "normal:0.02": () => normal(0.02),
};

describe.each(Object.entries(weightRules))("%s", (name, rule) => {
  const drawn = flat(initialise(layers, name as Initialisation, randomStream(3), "float64"));
  const values = (path: string): number[] => {
    const array = drawn[path];
    if (array === undefined) throw new Error(path);
    return toNumbers(array);
  };

  it.each(Object.keys(fans) as Layer[])("draws the weights of %s", (layer) => {
    expectDistribution(values(`${layer}.weight`), rule(layer));
  });

  it("draws biases and normalisation", () => {
    for (const layer of ["linear", "conv", "transposed"] as const) {
      const bias = values(`${layer}.bias`);
      if (name === "pytorch" || name === "uniform:0.5") {
        const bound = name === "pytorch" ? 1 / Math.sqrt(fans[layer][0]) : 0.5;
        expect(Math.max(...bias.map(Math.abs))).toBeLessThanOrEqual(bound);
        expect(Math.max(...bias.map(Math.abs))).toBeGreaterThan(0.7 * bound);
      } else expect(bias.every((v) => v === 0)).toBe(true);
    }
    if (name === "uniform:0.5")
      for (const path of ["norm.weight", "norm.bias"]) expectDistribution(values(path), uniform(0.5));
    else {
      expect(values("norm.weight").every((v) => v === 1)).toBe(true);
      expect(values("norm.bias").every((v) => v === 0)).toBe(true);
    }
  });
});

describe("initialise", () => {
  it("draws in the order of the list, so that a user can draw the same in NumPy", () => {
    const model = mlp({ inputShape: [3], classes: 2, widths: [4] });
    const stream = randomStream(11);
    const expected = tree
      .leaves(model.parameters("float64"))
      .map(({ shape }, i) => Array.from(stream.uniform(sizeOf(shape), ...(i < 2 ? inside(3) : inside(4)))));
    expect(tree.leaves(model.init(randomStream(11), "float64")).map(toNumbers)).toEqual(expected);
  });

  it("draws the same numbers in float32, rounded", () => {
    const model = resnet({ depth: 20, inputShape: [1, 8, 8], classes: 3, width: 2 });
    const wide = tree.leaves(model.init(randomStream(5), "float64"));
    const narrow = tree.leaves(model.init(randomStream(5), "float32"));
    expect(narrow.map(toNumbers)).toEqual(wide.map((array) => toNumbers(array).map(Math.fround)));
  });

  it("names what it accepts", () => {
    for (const word of ["xavier", "uniform", "uniform:", "uniform:-1", "uniform:x", "normal:0", "toString"])
      expect(() => initialisationNamed(word)).toThrow(
        `initialisation ${JSON.stringify(word)}: expected pytorch, xavier-uniform,`,
      );
    expect(initialisationNamed("uniform:0.25")).toBe("uniform:0.25");
  });
});

function inside(fanIn: number): [number, number] {
  return [-1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn)];
}
