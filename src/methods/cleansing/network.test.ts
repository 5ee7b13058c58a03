import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { failure } from "../../data/binary-files.testing.ts";
import { toNumbers } from "../../engine/ndarray.ts";
import { parameterAt } from "../../models/model.ts";
import { randomStream } from "../../numeric/random.ts";
import { describeParameters } from "../../runs/parameters.ts";
import { dataParameters } from "./data-parameters.ts";
import { openNetwork } from "./network.ts";
import { optimizerOf } from "./optimizer.ts";

const rows = { inputShape: [7], classNames: ["no", "yes"] };
const flowers = { inputShape: [3, 32, 32], classNames: ["a", "b", "c"] };
const lenet = fileURLToPath(new URL("../../../test/vectors/classifiers/lenet-sigmoid.onnx", import.meta.url));

describe("openNetwork", () => {
  it("gives logistic regression and perceptrons one logit for two classes", async () => {
    const { model, description, isSmooth, notices, parameters } = await openNetwork(
      { model: "logistic" },
      rows,
    );
    expect([model.classes, description, isSmooth, notices]).toEqual([1, "logistic regression", true, []]);
    expect(parameters(randomStream(0), "float64")).toEqual(parameters(randomStream(0), "float64"));
    const { model: mlp } = await openNetwork({ model: "mlp:16,8" }, rows);
    expect(mlp.description).toBe("perceptron 7-16-8-1 with tanh");
    const { model: three } = await openNetwork({ model: "mlp:4" }, { ...rows, classNames: ["a", "b", "c"] });
    expect(three.classes).toBe(3);
  });

  it("takes networks for images, whose parameters are drawn by PyTorch's rule", async () => {
    const { model, parameters } = await openNetwork(
      { model: "lenet" },
      { ...flowers, classNames: ["a", "b"] },
    );
    expect([model.classes, model.description]).toEqual([2, "LeNet with tanhs"]);
    const weights = parameterAt(parameters(randomStream(1), "float64"), "conv1.weight");
    expect(Math.max(...toNumbers(weights))).toBeLessThan(1 / Math.sqrt(75));
    expect((await openNetwork({ model: "cnn:8" }, flowers)).description).toContain("width 8");
    expect((await openNetwork({ model: "resnet20" }, flowers)).model.buffers).toBeUndefined();
  });

  it("warns of kinks, and of where a file's parameters come from", async () => {
    const { isSmooth, notices } = await openNetwork({ model: "mlp:4", activation: "relu" }, rows);
    expect(isSmooth).toBe(false);
    expect(notices[0]).toContain("kinks");
    const ten = { inputShape: [3, 32, 32], classNames: [..."0123456789"] };
    const file = await openNetwork({ model: lenet }, ten);
    expect(file.isSmooth).toBe(true);
    expect(file.notices[0]).toContain("training starts from the parameters");
  });

  it("refuses in one line", async () => {
    const refused = (model: string, more: object = {}, data: typeof rows = rows) =>
      failure(openNetwork({ model, ...more }, data));
    expect(await refused("forest")).toContain("InputError: --model: expected one of logistic, mlp");
    expect(await refused("logistic", { activation: "tanh" })).toContain("logistic has no activation");
    expect(await refused("mlp:16,")).toContain("the sizes of hidden layers, as in mlp:16,16");
    expect(await refused("cnn:8,8", {}, flowers)).toContain("one width");
    expect(await refused("lenet")).toContain("expected [channels, side, side]");
    expect(await refused("mlp", { normalisation: "group" })).toContain("mlp has no normalisation");
    expect(await refused("resnet20", { normalisation: "batch" }, flowers)).toContain(
      "expected --normalisation group or none",
    );
    expect(await refused(lenet)).toContain("it takes examples [3,32,32]; expected [7]");
    expect(await refused(lenet, {}, flowers)).toContain("it gives 10 logits; expected 3");
    expect(await refused(lenet, { activation: "tanh" })).toContain("are those of its file");
  });
});

describe("dataParameters", () => {
  const schema = z.object(dataParameters);
  const given = (values: object) => schema.parse({ data: "adult.csv", ...values });

  it("describes every parameter", () => {
    for (const { name, description } of describeParameters(schema))
      expect([name, description]).not.toContain("");
  });

  it("names the optimisers", () => {
    const words = (values: object): string => optimizerOf(given(values)).description;
    expect(words({})).toBe("SGD");
    expect(words({ optimizer: "momentum", weightDecay: 0.1 })).toBe(
      "SGD with momentum 0.9, weight decay 0.1",
    );
    expect(words({ optimizer: "nesterov", momentum: 0.5 })).toBe("SGD with Nesterov's momentum 0.5");
    expect(words({ optimizer: "adam" })).toMatch(/^Adam with .*1e-8$/);
    expect(words({ optimizer: "adamw" })).toContain("weight decay 0.01");
  });
});
