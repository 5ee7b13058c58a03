import { describe, expect, test } from "vitest";
import {
  castArray,
  compile,
  cond,
  grad,
  type NDArray,
  ndarray,
  op,
  parseOnnx,
  scan,
  specs,
  type Tensor,
  vmap,
  whileLoop,
} from "../src/engine/index.ts";
import { callOperation } from "./engine-calls.ts";
import { type EngineCase, families, readEngineCases } from "./engine-vectors.ts";

/** What the engine writes, the engine reads: the same bits, for every operation and its derivatives. */

type Body = (...inputs: Tensor[]) => readonly Tensor[];

function bits({ dtype, shape, data }: NDArray): string {
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  return `${dtype}[${shape}] ${Buffer.from(bytes).toString("hex")}`;
}

/** Compiles a function, reads what was written and compiles that: both give the same bits. */
async function expectSameBits(body: Body, inputs: readonly NDArray[]): Promise<void> {
  const original = await compile((all: readonly Tensor[]) => body(...all), [specs(inputs)]);
  const expected = await original.run(inputs);
  const model = parseOnnx(original.onnx(), { isParameter: () => false });
  const feeds = Object.fromEntries(original.inputs.map(({ name }, i) => [name, inputs[i] as NDArray]));
  const again = await compile((values: Record<string, Tensor>) => model.apply({}, values), [specs(feeds)]);
  const found = await again.run(feeds);
  const names = original.outputs.map(({ name }) => name);
  expect(names.map((name) => bits(found[name] as NDArray))).toEqual(expected.map(bits));
  await original.dispose();
  await again.dispose();
}

/** The outputs of an operation and the gradient of their sum. */
function withGradient({ op: name, attributes, gradients }: EngineCase): Body {
  const chosen = gradients.flatMap((gradient, i) => (gradient === null ? [] : [i]));
  return (...inputs) => {
    const outputs = callOperation(name, inputs, attributes);
    const isFloat = ({ dtype }: Tensor): boolean => dtype === "float32" || dtype === "float64";
    if (chosen.length === 0 || !outputs.some(isFloat)) return outputs;
    const loss = (...at: Tensor[]): Tensor => {
      const all = callOperation(
        name,
        inputs.map((input, i) => at[chosen.indexOf(i)] ?? input),
        attributes,
      );
      const floats = all.filter(({ dtype }) => dtype === "float32" || dtype === "float64");
      return floats.map((y) => op.sum(op.mul(y, y))).reduce((total, y) => op.add(total, y));
    };
    const at = chosen.map((i) => inputs[i] as Tensor);
    return [...outputs, ...grad(loss, { argnums: at.map((_, i) => i) })(...at)];
  };
}

describe.each([...families])("%s", (family) => {
  const cases = readEngineCases(family);
  const variants = cases.flatMap((one) =>
    (["float64", "float32"] as const).map((dtype) => ({ name: `${one.name}, ${dtype}`, one, dtype })),
  );
  test.each(variants)("$name", async ({ one, dtype }) => {
    const inputs = one.inputs.map((array) => {
      const own = ndarray(array.data, array.shape, array.dtype);
      return own.dtype === "float64" ? castArray(own, dtype) : own;
    });
    await expectSameBits(withGradient(one), inputs);
  });
});

describe("loops and choices", () => {
  const x = ndarray([0.3, -0.2, 0.5, 0.1], [4]);
  const rows = ndarray([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [3, 4]);

  test.each([false, true])("scan and its gradient, reverse %s", async (reverse) => {
    const loss = (carry: Tensor, xs: Tensor): Tensor => {
      const [last, results] = scan(
        (c: Tensor, row: Tensor): readonly [Tensor, Tensor] => [op.tanh(c.add(row.mul(0.1))), c.mul(row)],
        carry,
        xs,
        { reverse },
      );
      return op.sum(last).add(op.sum(op.square(results)));
    };
    await expectSameBits(
      (c, xs) => [
        loss(c as Tensor, xs as Tensor),
        ...grad(loss, { argnums: [0, 1] })(c as Tensor, xs as Tensor),
      ],
      [x, rows],
    );
  });

  test("a batched scan", async () => {
    const running = (xs: Tensor): Tensor =>
      scan((c: Tensor, row: Tensor): readonly [Tensor, Tensor] => [c.add(row), c], op.zeros([]), xs)[1];
    await expectSameBits((xs) => [vmap(running)(xs as Tensor)], [rows]);
  });

  test("cond and its gradient", async () => {
    const loss = (v: Tensor): Tensor =>
      op.sum(
        cond(
          op.greater(op.sum(v), 0),
          (a: Tensor) => op.exp(a),
          (a: Tensor) => a.mul(a),
          v,
        ),
      );
    await expectSameBits((v) => [loss(v as Tensor), grad(loss)(v as Tensor)], [x]);
    await expectSameBits((v) => [loss(v as Tensor), grad(loss)(v as Tensor)], [ndarray([-1, -2, -3, 0.5])]);
  });

  test("whileLoop", async () => {
    await expectSameBits(
      (v) => [
        whileLoop(
          (c: Tensor) => op.less(op.sum(c), 100),
          (c: Tensor) => c.mul(1.7).add(v as Tensor),
          v as Tensor,
        ),
      ],
      [x],
    );
  });
});
