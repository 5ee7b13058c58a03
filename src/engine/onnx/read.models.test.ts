import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { viewBytes } from "../dtype.ts";
import {
  compile,
  type DType,
  type NDArray,
  op,
  readOnnx,
  type Tensor,
  toNumbers,
  valueAndGrad,
} from "../index.ts";

/** Models that PyTorch exported, against what PyTorch computes (made by bench/peers/make_onnx_models.py). */

interface Stored {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly base64: string;
}

interface Record_ {
  readonly input: Stored;
  readonly labels: Stored;
  readonly logits: Stored;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, Stored>>;
}

const folder = fileURLToPath(new URL("../../../test/vectors/onnx/", import.meta.url));
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".onnx"))
  .map((file) => file.slice(0, -".onnx".length));

function load(name: string): Record_ {
  return JSON.parse(readFileSync(`${folder}${name}.json`, "utf8")) as Record_;
}

function decode({ dtype, shape, base64 }: Stored): NDArray {
  const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
  return { dtype, shape, data: viewBytes(dtype, bytes) } as NDArray;
}

/** The largest difference, relative to the largest expected magnitude. */
function distance(found: NDArray, expected: NDArray): number {
  expect(found.shape).toEqual(expected.shape);
  const wanted = toNumbers(expected);
  const scale = Math.max(1e-3, ...wanted.map(Math.abs));
  return (
    Math.max(0, ...toNumbers(found).map((value, i) => Math.abs(value - (wanted[i] ?? Number.NaN)))) / scale
  );
}

describe.each(names)("%s", (name) => {
  test("gives PyTorch's output, loss and gradients", async () => {
    const record = load(name);
    const model = await readOnnx(`${folder}${name}.onnx`);
    const input = decode(record.input);
    const tolerance = decode(record.logits).dtype === "float64" ? 1e-12 : 1e-5;
    const loss = (
      parameters: Readonly<Record<string, Tensor>>,
      x: Tensor,
      labels: Tensor,
    ): readonly [Tensor, Tensor] => {
      const logits = model.forward(parameters, x);
      return [op.softmaxCrossEntropy(logits, labels), logits];
    };
    const step = await compile(valueAndGrad(loss, { hasAux: true }), [
      model.parameters,
      input,
      decode(record.labels),
    ]);
    const [[value, logits], gradients] = await step.run(model.parameters, input, decode(record.labels));
    expect(distance(logits, decode(record.logits))).toBeLessThan(tolerance);
    expect(Math.abs(Number(value.data[0]) - record.loss)).toBeLessThan(tolerance * 10);
    for (const [key, stored] of Object.entries(record.gradients)) {
      const gradient = gradients[key];
      expect(gradient, key).toBeDefined();
      if (gradient !== undefined)
        expect(distance(gradient, decode(stored)), key).toBeLessThan(tolerance * 10);
    }
    await step.dispose();
  });
});
