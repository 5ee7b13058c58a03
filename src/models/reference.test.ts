import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type NDArray, ndarray, toNumbers } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import { compile, spec, specs } from "../engine/runtime/compile.ts";
import { sizeOf } from "../engine/shape.ts";
import type { Spec, Tensor } from "../engine/tensor.ts";
import { valueAndGrad } from "../engine/transforms/grad.ts";
import * as tree from "../engine/tree.ts";
import { type RandomStream, randomStream } from "../numeric/random.ts";
import { autoencoder } from "./autoencoder.ts";
import { bert } from "./bert.ts";
import { convSmall } from "./conv-small.ts";
import { lenet } from "./lenet.ts";
import { logistic } from "./logistic.ts";
import { mlp } from "./mlp.ts";
import type { Model, Named } from "./model.ts";
import { flat } from "./names.ts";
import { resnet } from "./resnet.ts";
import { textLinear } from "./text-linear.ts";
import { vgg11 } from "./vgg.ts";

/** Our models against PyTorch's modules of the same names: see bench/peers/model_reference.py. */

interface ReferenceCase {
  readonly model: keyof typeof models;
  readonly options: never;
  readonly seed: number;
  readonly outputShape: number[];
  readonly inference: number[];
  readonly training: number[];
  readonly loss: number;
  readonly parameters: { name: string; shape: number[]; gradientNorm: number; gradientSum: number }[];
  readonly buffers: { name: string; shape: number[]; after: number[] }[];
}

const models = { logistic, mlp, lenet, convSmall, vgg11, resnet, autoencoder, textLinear, bert };
const examples = 3;
const folder = fileURLToPath(new URL("../../test/vectors/models/", import.meta.url));
const families = readdirSync(folder).filter((name) => name.endsWith(".json"));

const double = (data: ArrayLike<number>, shape: readonly number[]): NDArray =>
  ndarray(Float64Array.from(data), shape, "float64");

/** What the script draws, in its order. */
function draw(model: Model, vocabulary: number, outputShape: readonly number[], rng: RandomStream) {
  const parameters = tree.map(({ shape }) => {
    const values = rng.normal(sizeOf(shape));
    const fan = Math.sqrt(sizeOf(shape.slice(1)));
    return double(shape.length > 1 ? values.map((v) => v / fan) : values.map((v) => 0.5 + 0.2 * v), shape);
  }, model.parameters("float64"));
  const buffers = Object.entries(flat(model.buffers?.("float64") ?? {})).map(([name, { shape }]) => {
    if (name.endsWith("running_mean"))
      return double(
        rng.normal(sizeOf(shape)).map((v) => 0.1 * v),
        shape,
      );
    if (name.endsWith("running_var")) return double(rng.uniform(sizeOf(shape), 0.5, 1.5), shape);
    return ndarray([3], [], "int64");
  });
  const masks = tree.map(
    ({ shape, rate }) =>
      double(
        rng.uniform(sizeOf(shape)).map((v) => (v >= rate ? 1 : 0)),
        shape,
      ),
    model.masks?.(examples, "float64") ?? {},
  );
  const xShape = [examples, ...model.inputShape];
  const x =
    model.inputDType === "int64"
      ? ndarray(integers(rng, sizeOf(xShape), vocabulary), xShape, "int64")
      : double(rng.normal(sizeOf(xShape)), xShape);
  const labelShape = outputShape.slice(0, -1);
  const labels = ndarray(integers(rng, sizeOf(labelShape), outputShape.at(-1) ?? 0), labelShape, "int64");
  const bufferTree = tree.unflatten(model.buffers?.("float64") ?? {}, buffers);
  return { parameters, buffers: bufferTree, masks, x, labels };
}

function integers(rng: RandomStream, size: number, high: number): number[] {
  // NumPy draws nothing for a range of one number.
  return high === 1 ? Array(size).fill(0) : Array.from(rng.integers(size, 0, high));
}

function expectClose(found: readonly number[], expected: readonly number[], what: string): void {
  expect(found.length, what).toBe(expected.length);
  const scale = Math.max(...expected.map(Math.abs), 1e-3);
  const error = Math.max(...expected.map((value, i) => Math.abs((found[i] ?? Number.NaN) - value)));
  expect(error / scale, what).toBeLessThan(1e-10);
}

describe.each(families)("%s", (file) => {
  const { cases }: { cases: ReferenceCase[] } = JSON.parse(readFileSync(`${folder}${file}`, "utf8"));
  it.each(cases.map((each) => [`${each.model} ${JSON.stringify(each.options)}`, each] as const))(
    "%s",
    async (_, reference) => {
      const make: (options: never) => Model = models[reference.model];
      const model = make(reference.options);
      const listed = Object.entries(flat(model.parameters("float64")));
      expect(listed.map(([name, { shape }]) => ({ name, shape }))).toEqual(
        reference.parameters.map(({ name, shape }) => ({ name, shape })),
      );
      expect(
        Object.entries(flat(model.buffers?.("float64") ?? {})).map(([name, { shape }]) => ({ name, shape })),
      ).toEqual(reference.buffers.map(({ name, shape }) => ({ name, shape })));

      const { vocabulary = 0 } = reference.options as { vocabulary?: number };
      const inputs = draw(model, vocabulary, reference.outputShape, randomStream(reference.seed));
      const loss = (
        values: Named<Tensor>,
        buffers: Named<Tensor>,
        masks: Named<Tensor>,
        x: Tensor,
        y: Tensor,
      ) => {
        const { output, buffers: after } = model.applyTraining?.(values, buffers, x, { masks }) ?? {
          output: model.apply(values, x, { training: true, masks }),
          buffers: {},
        };
        const value =
          reference.model === "autoencoder" || output.shape.at(-1) === 1
            ? op.mean(op.square(output))
            : op.softmaxCrossEntropy(output, y);
        return [value, { output, after }] as const;
      };
      const { parameters, buffers, masks, x, labels } = inputs;
      const executable = await compile(
        (values: Named<Tensor>, kept: Named<Tensor>, drops: Named<Tensor>, input: Tensor, y: Tensor) => {
          const [[value, { output, after }], gradient] = valueAndGrad(loss, { hasAux: true })(
            values,
            kept,
            drops,
            input,
            y,
          );
          return { value, output, after, gradient, inference: model.apply(values, input, { buffers: kept }) };
        },
        [
          model.parameters("float64") as Named<Spec>,
          model.buffers?.("float64") ?? {},
          specs(masks),
          spec(x.shape, x.dtype),
          spec(labels.shape, "int64"),
        ],
        { threads: 1 },
      );
      const result = await executable.run(parameters, buffers, masks, x, labels);
      await executable.dispose();

      expect(result.inference.shape).toEqual(reference.outputShape);
      expectClose(toNumbers(result.inference), reference.inference, "inference");
      expectClose(toNumbers(result.output), reference.training, "training");
      expectClose(toNumbers(result.value), [reference.loss], "loss");
      const gradients = Object.values(flat(result.gradient as Named<NDArray>)).map(toNumbers);
      const norms = gradients.map((g) => Math.hypot(...g));
      const largest = Math.max(...reference.parameters.map(({ gradientNorm }) => gradientNorm));
      for (const [i, { name, gradientNorm, gradientSum }] of reference.parameters.entries()) {
        const weighed = (gradients[i] ?? []).reduce((total, g, j) => total + g * Math.cos(j), 0);
        expect(Math.abs((norms[i] ?? Number.NaN) - gradientNorm), name).toBeLessThan(1e-10 * largest);
        expect(Math.abs(weighed - gradientSum), name).toBeLessThan(1e-9 * largest);
      }
      const after = Object.values(flat(result.after as Named<NDArray>)).map(toNumbers);
      for (const [i, { name, after: expected }] of reference.buffers.entries())
        expectClose(after[i] ?? [], expected, name);
    },
  );
});
