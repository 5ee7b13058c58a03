import { describe, expect, it } from "vitest";
import { InputError } from "../data/input-error.ts";
import { describeModel } from "./describe.ts";
import { lenet } from "./lenet.ts";
import { type ModelOptions, modelNamed, modelNames } from "./named.ts";

const image = { inputShape: [3, 32, 32], classes: 10 };

/** Parameters as PyTorch counts them: torchvision's and the papers' own numbers, or a sum that stands beside it. */
const counts: [name: string, options: ModelOptions, parameters: number][] = [
  ["logistic", { inputShape: [784], classes: 10 }, 7850],
  ["mlp", { inputShape: [784], classes: 10, widths: [128] }, 784 * 128 + 128 + 1290],
  ["lenet", {}, 85036],
  ["lenet", { variant: "idlg" }, 13426],
  ["lenet", { variant: "soteria" }, 85036 - 90 * 769 + 3612],
  ["cnn", image, 896 + 18496 + 73856 + 147584 + 1290],
  // torchvision's vgg11 has 9,220,480 in its features; here one layer follows.
  ["vgg11", image, 9220480 + 5130],
  // torchvision's resnet18: 11,689,512 for 1000 classes and a 7 x 7 stem; the stem here is 3 x 3.
  ["resnet18", image, 11689512 - 513000 + 5130 - 64 * 3 * 40],
  // He et al. 2016, table 6: 0.27 and 0.46 million.
  ["resnet20", image, 269722],
  ["resnet32", image, 464154],
  ["resnet20", { ...image, normalisation: "group" }, 269722],
  ["autoencoder", { inputShape: [784] }, 784 * 128 + 128 + 4128 + 4224 + 128 * 784 + 784],
  // Turc et al. 2019: 4.4 million, without the head.
  ["bert-tiny", {}, 30522 * 128 + 514 * 128 + 256 + 2 * 198272 + 30522 + 16768],
  ["text-linear", { inputShape: [20], vocabulary: 100, classes: 2 }, 6400 + 130],
];

describe("modelNamed", () => {
  it.each(counts)("makes %s %j of %i parameters", (name, options, parameters) => {
    expect(describeModel(modelNamed(name, options)).parameters).toBe(parameters);
  });

  it("has a case for every word", () => {
    expect([...new Set(counts.map(([name]) => name))]).toEqual([...modelNames]);
  });

  it.each<[string, ModelOptions, string]>([
    [
      "lenett",
      {},
      'model "lenett": expected logistic, mlp, lenet, cnn, vgg11, resnet18, resnet20, resnet32, autoencoder, bert-tiny, text-linear',
    ],
    ["toString", {}, 'model "toString": expected logistic'],
    ["mlp", { classes: 3 }, "model mlp needs inputShape"],
    ["text-linear", {}, "model text-linear needs inputShape and classes and vocabulary"],
    [
      "logistic",
      { ...image, activation: "relu" },
      "model logistic does not take activation: it takes inputShape",
    ],
    [
      "mlp",
      { ...image, activation: "swish" as never },
      'activation "swish": expected tanh, relu, gelu, softplus, sigmoid',
    ],
    [
      "cnn",
      { ...image, initialisation: "uniform:x" as never },
      'model cnn: initialisation "uniform:x": expected pytorch',
    ],
    [
      "resnet18",
      { ...image, normalisation: "layer" as never },
      'normalisation "layer": expected batch, group, none',
    ],
    ["mlp", { ...image, widths: [5, 0.5] }, "widths [5, 0.5]: expected whole numbers from 1 up"],
    ["mlp", { ...image, classes: 0 }, "classes 0: expected a whole number from 1 up"],
    [
      "vgg11",
      { ...image, inputShape: [3, 28, 28] },
      "images [3, 28, 28]: expected [channels, height, width] with sides",
    ],
    ["cnn", { ...image, inputShape: [3, 4, 4] }, "expected [channels, height, width] of 5 x 5 and more"],
    ["lenet", { inputShape: [3, 30, 30] }, "images of side 30: expected a multiple of 4"],
    ["lenet", { inputShape: [3, 32, 28] }, "images [3, 32, 28]: expected [channels, side, side]"],
    ["resnet20", { ...image, inputShape: [32, 32] }, "images [32, 32]: expected [channels, height, width]"],
    [
      "text-linear",
      { inputShape: [3, 4], classes: 2, vocabulary: 5 },
      "input shape [3, 4]: expected [tokens]",
    ],
    ["bert-tiny", { inputShape: [600] }, "600 tokens are more than 512 positions"],
  ])("says what is wrong with %s %j", (name, options, message) => {
    expect(() => modelNamed(name, options)).toThrow(InputError);
    expect(() => modelNamed(name, options)).toThrow(message);
  });
});

describe("describeModel", () => {
  it("lists the layers with their shapes, and counts the work of one example", () => {
    const { layers, flops, ...rest } = describeModel(lenet());
    expect(layers.map(({ name, parameters }) => [name, parameters])).toEqual([
      ["conv1", 912],
      ["conv2", 3612],
      ["conv3", 3612],
      ["fc", 76900],
    ]);
    expect(layers[0]?.shapes).toEqual({ weight: [12, 3, 5, 5], bias: [12] });
    expect(rest).toEqual({
      description: "LeNet with sigmoids",
      inputShape: [3, 32, 32],
      classes: 100,
      parameters: 85036,
    });
    // 0.768 million multiplications with additions (three convolutions of 230,400, and 76,800), and the rest.
    expect(flops).toBeGreaterThan(2 * 768_000);
    expect(flops).toBeLessThan(2 * 768_000 * 1.03);
  });
});
