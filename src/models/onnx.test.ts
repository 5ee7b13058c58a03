import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { failure, temporaryFiles } from "../data/binary-files.testing.ts";
import { viewBytes } from "../engine/dtype.ts";
import { castArray, type NDArray, ndarray, toNumbers } from "../engine/ndarray.ts";
import { writeModel } from "../engine/onnx/models.testing.ts";
import * as op from "../engine/ops/index.ts";
import { compile, spec } from "../engine/runtime/compile.ts";
import type { Tensor } from "../engine/tensor.ts";
import { grad } from "../engine/transforms/grad.ts";
import { randomStream } from "../numeric/random.ts";
import { mlp } from "./mlp.ts";
import { type FloatDType, type Model, type Named, parameterAt } from "./model.ts";
import { flat } from "./names.ts";
import { modelFromOnnx } from "./onnx.ts";

const at = (path: string): string => fileURLToPath(new URL(`../../test/${path}`, import.meta.url));
const write = temporaryFiles();

interface Fixtures {
  [name: string]: { shapes: Record<string, number[]>; logits: number[][] };
}
const fixtures: Fixtures = JSON.parse(readFileSync(at("vectors/classifiers/onnx-classifiers.json"), "utf8"));
const images = ndarray(randomStream(7).uniform(2 * 3 * 32 * 32), [2, 3, 32, 32], "float64");

async function logits(
  model: Model,
  parameters: Named<NDArray>,
  x: NDArray,
  dtype: FloatDType,
): Promise<number[]> {
  const executable = await compile(
    (values: Named<Tensor>, input: Tensor) => model.apply(values, input),
    [model.parameters(dtype), spec(x.shape, x.dtype)],
  );
  const output = await executable.run(parameters, x);
  await executable.dispose();
  return toNumbers(output);
}

function expectClose(found: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(found.length).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs((found[i] ?? Number.NaN) - value)).toBeLessThan(tolerance * (1 + Math.abs(value)));
}

describe("modelFromOnnx", () => {
  it.each(["lenet-sigmoid", "small-cnn-softmax"])(
    "gives PyTorch's logits of %s in both dtypes",
    async (name) => {
      const model = await modelFromOnnx(at(`vectors/classifiers/${name}.onnx`));
      const expected = fixtures[name];
      expect(model.inputShape).toEqual([3, 32, 32]);
      expect(model.classes).toBe(10);
      expect(
        Object.fromEntries(
          Object.entries(flat(model.parameters("float32"))).map(([key, { shape }]) => [key, shape]),
        ),
      ).toEqual(expected?.shapes);
      for (const [dtype, tolerance] of [
        ["float64", 1e-12],
        ["float32", 1e-5],
      ] as const) {
        const parameters = model.init(randomStream(0), dtype);
        expectClose(
          await logits(model, parameters, castArray(images, dtype), dtype),
          expected?.logits.flat() ?? [],
          tolerance,
        );
      }
    },
  );

  it("can be differentiated twice, example by example where the file has a batch of one", async () => {
    for (const name of ["lenet-sigmoid", "small-cnn-softmax"]) {
      const model = await modelFromOnnx(at(`vectors/classifiers/${name}.onnx`));
      const parameters = model.init(randomStream(0), "float64");
      const labels = op.constant(ndarray([3, 8], [2], "int64"));
      const matching = (x: Tensor, values: Named<Tensor>): Tensor => {
        const gradient = grad((w: Named<Tensor>) => op.softmaxCrossEntropy(model.apply(w, x), labels))(
          values,
        );
        return Object.values(flat(gradient))
          .map((g) => op.sum(op.square(g)))
          .reduce((a, b) => op.add(a, b));
      };
      const executable = await compile(
        (x: Tensor, values: Named<Tensor>) => [matching(x, values), grad(matching)(x, values)] as const,
        [spec(images.shape, "float64"), model.parameters("float64")],
      );
      const value = async (data: Float64Array): Promise<readonly [number, NDArray]> => {
        const [loss, slope] = await executable.run(ndarray(data, images.shape, "float64"), parameters);
        return [Number(loss.data[0]), slope];
      };
      const [, slope] = await value(images.data);
      const step = 1e-5;
      for (const place of [5, 3500]) {
        const moved = (by: number): Float64Array => images.data.map((v, i) => (i === place ? v + by : v));
        const [[up], [down]] = [await value(moved(step)), await value(moved(-step))];
        const expected = (up - down) / (2 * step);
        expect(Math.abs(Number(slope.data[place]) - expected)).toBeLessThan(
          1e-6 * Math.max(1, Math.abs(expected)),
        );
      }
      await executable.dispose();
    }
  });

  const stored = readdirSync(at("vectors/onnx")).filter((file) => file.endsWith(".onnx"));
  it.each(stored)("reads %s in both dtypes", async (file) => {
    const path = at(`vectors/onnx/${file}`);
    const reference = JSON.parse(readFileSync(path.replace(/onnx$/, "json"), "utf8"));
    const decode = ({
      dtype,
      shape,
      base64,
    }: {
      dtype: NDArray["dtype"];
      shape: number[];
      base64: string;
    }): NDArray => ({
      dtype,
      shape,
      data: viewBytes(dtype, new Uint8Array(Buffer.from(base64, "base64"))),
    });
    const model = await modelFromOnnx(path);
    const expected = decode(reference.logits);
    expect(model.classes).toBe(expected.shape.at(-1));
    const input = decode(reference.input);
    for (const dtype of ["float32", "float64"] as const) {
      const x = model.inputDType === "int64" ? input : castArray(input, dtype);
      const found = await logits(model, model.init(randomStream(0), dtype), x, dtype);
      expectClose(found, toNumbers(expected), dtype === expected.dtype && dtype === "float64" ? 1e-10 : 1e-4);
    }
  });

  it("says in one line what is not a classifier", async () => {
    const bytes = async (
      f: (x: Tensor, y: Tensor) => Tensor,
      shapes: readonly number[][],
    ): Promise<string> => {
      const [x, y] = shapes.map((shape) => spec(shape, "float32"));
      const executable =
        y === undefined
          ? await compile((a: Tensor) => f(a, a), [x ?? spec([1])])
          : await compile(f, [x ?? spec([1]), y]);
      const path = write(executable.onnx());
      await executable.dispose();
      return path;
    };
    const twoInputs = await bytes(
      (x, y) => op.add(x, y),
      [
        [2, 3],
        [2, 3],
      ],
    );
    expect(await failure(modelFromOnnx(twoInputs))).toMatch(
      /^InputError: \/.*: expected a classifier with one input, found "\S+", "\S+"$/,
    );
    const vector = await bytes((x) => op.mul(x, 2), [[3]]);
    expect(await failure(modelFromOnnx(vector))).toContain("expected a shape [N, ...], found [3]");
    const image = await bytes((x) => op.mul(x, 2), [[1, 3, 4, 4]]);
    expect(await failure(modelFromOnnx(image))).toContain(
      "expected a classifier, whose first output is floats [N, classes]; for 1 example it gives float32 [1, 3, 4, 4]",
    );
    const classes = await bytes((x) => op.argmax(x), [[2, 3]]);
    expect(await failure(modelFromOnnx(classes))).toContain("it gives int64 [2]");
    expect(await failure(modelFromOnnx(write(new Uint8Array([1, 2, 3]))))).toMatch(/^InputError: \/[^\n]*$/);
    expect(await failure(modelFromOnnx("/nowhere.onnx"))).toContain("InputError: /nowhere.onnx:");
  });

  it("binds open axes, and converts constants, casts and scales to the dtype it is applied in", async () => {
    const path = write(
      writeModel(
        {
          inputs: { image: { dtype: "float32", shape: ["N", 2, "height", "width"] } },
          initializers: {
            scales: ndarray([1, 1, 2, 2], [4], "float32"),
            weight: ndarray([1, -2, 0.1, 4, 5, 6], [3, 2], "float32"),
          },
          nodes: [
            {
              type: "Constant",
              inputs: [],
              outputs: ["third"],
              attributes: { value_float: { float: 1 / 3 } },
            },
            {
              type: "Constant",
              inputs: [],
              outputs: ["one"],
              attributes: { value: ndarray([1], [], "int64") },
            },
            { type: "Cast", inputs: ["one"], outputs: ["unit"], attributes: { to: 1 } },
            {
              type: "Resize",
              inputs: ["image", "", "scales"],
              outputs: ["large"],
              attributes: { mode: "nearest" },
            },
            { type: "Mul", inputs: ["large", "third"], outputs: ["product"] },
            { type: "Add", inputs: ["product", "unit"], outputs: ["sum"] },
            { type: "GlobalAveragePool", inputs: ["sum"], outputs: ["pooled"] },
            { type: "Flatten", inputs: ["pooled"], outputs: ["flat"] },
            { type: "Gemm", inputs: ["flat", "weight"], outputs: ["logits"], attributes: { transB: 1 } },
          ],
          outputs: ["logits"],
        },
        13,
      ),
    );
    expect(await failure(modelFromOnnx(path))).toBe(
      `InputError: ${path}: input "image": its shape [N, 2, height, width] leaves height and width open: give dimensions`,
    );
    const model = await modelFromOnnx(path, { dimensions: { height: 2, width: 3 } });
    expect(model.inputShape).toEqual([2, 2, 3]);
    expect(model.classes).toBe(3);
    // float32's third and tenth, which float64 keeps as they are stored.
    const [third, tenth] = [Math.fround(1 / 3), Math.fround(0.1)];
    const x = ndarray(randomStream(9).normal(24), [2, 2, 2, 3], "float64");
    const means = [0, 1, 2, 3].map(
      (i) => 1 + (third * x.data.subarray(6 * i, 6 * i + 6).reduce((a, b) => a + b)) / 6,
    );
    const [a = 0, b = 0, c = 0, d = 0] = means;
    const expected = [
      a - 2 * b,
      tenth * a + 4 * b,
      5 * a + 6 * b,
      c - 2 * d,
      tenth * c + 4 * d,
      5 * c + 6 * d,
    ];
    expect(Object.keys(model.parameters("float64"))).toEqual(["weight"]);
    for (const [dtype, tolerance] of [
      ["float64", 1e-14],
      ["float32", 1e-6],
    ] as const)
      expectClose(
        await logits(model, model.init(randomStream(0), dtype), castArray(x, dtype), dtype),
        expected,
        tolerance,
      );
  });

  it("refuses other batches where the file fixes one that is not 1", async () => {
    const source = mlp({ inputShape: [3], classes: 2, widths: [] });
    const parameters = source.init(randomStream(1), "float32");
    const weight = op.constant(parameterAt(parameters, "0.weight"));
    const executable = await compile((x: Tensor) => op.matmul(x, op.transpose(weight)), [spec([4, 3])]);
    const model = await modelFromOnnx(write(executable.onnx()));
    await executable.dispose();
    expect(() => model.apply({}, op.zeros([2, 3], "float32"))).toThrow("batches of 4 examples only, got 2");
    expect(model.classes).toBe(2);
  });
});
