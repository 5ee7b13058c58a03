import { afterAll, describe, expect, test } from "vitest";
import { uniform } from "../checking.testing.ts";
import { expectClose } from "../expectations.testing.ts";
import { castArray, type NDArray, ndarray, toNumbers, zerosArray } from "../ndarray.ts";
import * as op from "../ops/index.ts";
import type { Tensor } from "../tensor.ts";
import { grad } from "../transforms/grad.ts";
import { scan } from "../transforms/scan.ts";
import { type CompileOptions, compile, compileCached, devices, spec, specs } from "./compile.ts";
import { nodeBackend } from "./node.ts";

const open: { dispose(): Promise<void> }[] = [];
function keep<E extends { dispose(): Promise<void> }>(executable: E): E {
  open.push(executable);
  return executable;
}
afterAll(async () => {
  for (const executable of open) await executable.dispose();
});

const add = () => compile((x, y) => op.add(x, y), [spec([2, 3]), spec([3])]).then(keep);
const matrix = ndarray([1, 2, 3, 4, 5, 6], [2, 3]);
const row = ndarray([10, 20, 30]);

describe("run", () => {
  test("takes and returns trees of arrays", async () => {
    const parameters = { w: uniform([2, 2]), layers: [{ b: ndarray([1, 2], [2], "float64") }] };
    const executable = keep(
      await compile(
        (p, n) => ({
          twice: op.mul(p.w, 2),
          rest: [op.add(p.layers[0]?.b as Tensor, op.cast(n, "float64"))],
        }),
        [specs(parameters), spec([], "int64")] as const,
      ),
    );
    const found = await executable.run(parameters, 3);
    expect(toNumbers(found.twice)).toEqual([...parameters.w.data].map((x) => 2 * x));
    expect(toNumbers(found.rest[0] as NDArray)).toEqual([4, 5]);
    expect(executable.inputs.map(({ name, dtype, shape }) => [name, dtype, ...shape])).toEqual([
      ["input.0.w", "float64", 2, 2],
      ["input.0.layers.0.b", "float64", 2],
      ["input.1", "int64"],
    ]);
    expect(executable.outputs.map(({ name }) => name)).toEqual(["output.twice", "output.rest.0"]);
  });

  test("matches the keys of arguments by name, not by the order they are written in", async () => {
    const executable = keep(await compile((p) => op.sub(p.a, p.b), [{ a: spec([1]), b: spec([1]) }]));
    expect(toNumbers(await executable.run({ b: ndarray([1]), a: ndarray([10]) }))).toEqual([9]);
    const two = keep(await compile((x) => ({ a: x, b: op.neg(x) }), [spec([1])]));
    const into = { b: ndarray([0]), a: ndarray([0]) };
    await two.runInto(into, ndarray([5]));
    expect([into.a.data[0], into.b.data[0]]).toEqual([5, -5]);
  });

  test("checks dtype, shape, length and structure before anything runs", async () => {
    const executable = await add();
    const run = executable.run as (...args: readonly unknown[]) => Promise<unknown>;
    await expect(run(matrix)).rejects.toThrow(
      /run: 1 arguments for a function of 2 \(at .*compile\.test\.ts/,
    );
    await expect(run(matrix, ndarray([1, 2]))).rejects.toThrow(
      /run: input\.1: expected float32\[3\], got float32\[2\]/,
    );
    await expect(run(ndarray([1, 2, 3, 4, 5, 6], [2, 3], "float64"), row)).rejects.toThrow(
      /input\.0: expected float32\[2,3\], got float64\[2,3\]/,
    );
    await expect(run({ ...matrix, data: new Float32Array(5) }, row)).rejects.toThrow(
      /expected 6 elements for float32\[2,3\], got 5/,
    );
    await expect(run({ ...matrix, data: new Float64Array(6) }, row)).rejects.toThrow(
      /its data is not the typed array of float32/,
    );
    await expect(run(matrix, [1, 2, 3])).rejects.toThrow(
      /the structures differ at 1: a leaf against a branch/,
    );
    await expect(run(matrix, 3)).rejects.toThrow(/input\.1: expected an array float32\[3\], got number/);
    await expect(run(matrix, undefined)).rejects.toThrow(
      /input\.1: expected an array float32\[3\], got undefined/,
    );
    expect(toNumbers((await run(matrix, row)) as NDArray)).toEqual([11, 22, 33, 14, 25, 36]);
  });

  test("int64 elements may be numbers, scalars too; fractions are refused", async () => {
    const executable = keep(await compile((x, n) => op.mul(x, n), [spec([2], "int64"), spec([], "int64")]));
    const run = executable.run as (...args: readonly unknown[]) => Promise<NDArray>;
    expect(toNumbers(await run({ dtype: "int64", shape: [2], data: [3, -4] }, 5))).toEqual([15, -20]);
    await expect(run({ dtype: "int64", shape: [2], data: [0.5, 1] }, 5)).rejects.toThrow(
      /input\.0: 0.5 is not a number of int64/,
    );
    await expect(run({ dtype: "int64", shape: [2], data: [1, 2] }, 0.5)).rejects.toThrow(
      /input\.1: 0.5 is not a number of int64/,
    );
  });

  test("a number takes the dtype of the tensor it meets", async () => {
    for (const dtype of ["float32", "float64", "int32", "int64", "uint8"] as const) {
      const executable = keep(
        await compile((x) => [op.add(x, 1), op.mul(2, x), x.sub(1), op.equal(x, 3)], [spec([2], dtype)]),
      );
      const found = await executable.run(ndarray([3, 4], [2], dtype));
      expect(found.map((y) => [y.dtype, ...toNumbers(y)])).toEqual([
        [dtype, 4, 5],
        [dtype, 6, 8],
        [dtype, 2, 3],
        ["bool", 1, 0],
      ]);
    }
  });

  test("passes NaN and infinities through; checkFinite names the first output that is not finite", async () => {
    const f = (x: Tensor) => ({ fine: op.mul(x, 0.5), inverse: op.reciprocal(x) });
    const plain = keep(await compile(f, [spec([3])]));
    const found = await plain.run(ndarray([1, 0, Number.NaN]));
    expect(toNumbers(found.inverse)).toEqual([1, Infinity, Number.NaN]);
    const checked = keep(await compile(f, [spec([3])], { checkFinite: true }));
    await expect(checked.run(ndarray([1, 0, 2]))).rejects.toThrow(/output\.inverse: element 1 is Infinity/);
    await expect(checked.run(ndarray([1, Number.NaN, 2]))).rejects.toThrow(/output\.fine: element 1 is NaN/);
    expect(toNumbers((await checked.run(ndarray([1, 2, 4]))).inverse)).toEqual([1, 0.5, 0.25]);
  });

  test("the same input gives the same bits, with any options", async () => {
    const x = uniform([16, 32]);
    const f = (t: Tensor) =>
      grad((u: Tensor) => op.sum(op.softmax(op.matmul(op.tanh(u), op.transpose(u)))).add(op.norm(u)))(t);
    const executable = keep(await compile(f, [specs(x)], { threads: 2 }));
    const first = toNumbers(await executable.run(x));
    for (let i = 0; i < 20; i++) expect(toNumbers(await executable.run(x))).toEqual(first);
    const again = keep(await compile(f, [specs(x)], { threads: 2 }));
    expect(toNumbers(await again.run(x))).toEqual(first);
    const traced = keep(await compile(f, [specs(x)], { optimize: "none", threads: 1 }));
    expectClose(
      await traced.run(x),
      { dtype: "float64", shape: x.shape, data: Float64Array.from(first) },
      1e-13,
      "optimize none",
    );
  });

  test("constants, inputs and repeats as outputs; results of no elements", async () => {
    const executable = keep(
      await compile(
        (x) => [
          x,
          x,
          op.constant([7], "int64"),
          op.add(x, 0),
          op.zeros([0, 2]),
          op.slice(x, [0, 0]),
          op.greater(x, 1),
        ],
        [spec([2])],
      ),
    );
    const found = await executable.run(ndarray([1, 2]));
    expect(found.map(toNumbers)).toEqual([[1, 2], [1, 2], [7], [1, 2], [], [], [0, 1]]);
    const nothing = keep(await compile((x) => op.mul(x, 2), [spec([0, 3])]));
    expect((await nothing.run(ndarray([], [0, 3]))).shape).toEqual([0, 3]);
  });
});

describe("runInto", () => {
  test("writes into given arrays, and two sets of them can swap", async () => {
    const step = keep(await compile((x) => op.mul(op.add(x, 1), 2), [spec([2])]));
    let [now, next]: NDArray[] = [ndarray([0, 1]), ndarray([0, 0])];
    for (let i = 0; i < 3; i++) {
      if (now === undefined || next === undefined) throw new Error("two buffers");
      const result = await step.runInto(next as never, now as never);
      expect(result).toBe(next);
      [now, next] = [next, now];
    }
    expect(now && toNumbers(now)).toEqual([14, 22]);
  });

  test("all dtypes, and checks of the arrays", async () => {
    const executable = keep(
      await compile(
        (x) => [op.cast(x, "int64"), op.cast(x, "bool"), op.cast(x, "uint8"), op.cast(x, "float64")],
        [spec([2])],
      ),
    );
    const into = [
      zerosArray([2], "int64"),
      zerosArray([2], "bool"),
      zerosArray([2], "uint8"),
      zerosArray([2], "float64"),
    ];
    await executable.runInto(into as NDArray[], ndarray([0, 3]));
    expect(into.map(toNumbers)).toEqual([
      [0, 3],
      [0, 1],
      [0, 3],
      [0, 3],
    ]);
    const wrong = [zerosArray([3], "int64"), ...into.slice(1)] as NDArray[];
    await expect(executable.runInto(wrong, ndarray([0, 3]))).rejects.toThrow(
      /output\.0: expected int64\[2\], got int64\[3\]/,
    );
    await expect(executable.runInto(into.slice(1) as NDArray[], ndarray([0, 3]))).rejects.toThrow(
      /structures differ/,
    );
  });
});

describe("compile", () => {
  test("refuses bad options, specs and results", async () => {
    const compiled = (options: CompileOptions) => compile((x) => x, [spec([1])], options);
    await expect(compiled({ threads: 0 })).rejects.toThrow(/compile: threads 0 is not a positive integer/);
    await expect(compiled({ threads: 1.5 })).rejects.toThrow(/threads 1.5/);
    await expect(compiled({ device: "tpu" as "cpu" })).rejects.toThrow(
      /device tpu is not available here \(there is .*cpu/,
    );
    expect(() => spec([-1])).toThrow(/spec: shape \[-1\] has a dimension that is not a size/);
    expect(() => spec([2.5])).toThrow(/not a size/);
    await expect(compile(() => ({}), [])).rejects.toThrow(/compile: the function returns no tensors/);
    await expect(compile((x) => [x, 3 as unknown as Tensor], [spec([1])])).rejects.toThrow(
      /the function must return tensors, got number/,
    );
    await expect(compile((x) => op.matmul(x, x), [spec([2, 3])])).rejects.toThrow(
      /matmul: the shapes do not fit.*compile\.test\.ts/,
    );
  });

  test("lists devices; one that is missing is an error that says what to do", async () => {
    expect(devices()).toContain("cpu");
    if (devices().includes("cuda")) return;
    await expect(compile((x) => x, [spec([1])], { device: "cuda" })).rejects.toThrow(
      /device cuda is not available here .*: install onnxruntime-node with its CUDA libraries/,
    );
  });

  test("summary counts operations, elements, FLOPs and bytes", async () => {
    const executable = keep(
      await compile(
        (x, w) => op.sum(op.matmul(x, w).add(op.constant([1, 2, 3, 4]))),
        [spec([2, 3]), spec([3, 4])],
      ),
    );
    const { operations, inputElements, constantElements, flops, boundaryBytes } = executable.summary();
    expect(Object.values(operations).reduce((a, b) => a + b)).toBeGreaterThanOrEqual(2);
    expect({ inputElements, constantElements, boundaryBytes }).toEqual({
      inputElements: 18,
      constantElements: 4,
      boundaryBytes: 4 * 19,
    });
    expect(flops).toBeGreaterThanOrEqual(2 * 2 * 3 * 4 + 8);
    expect(executable.onnx().byteLength).toBeGreaterThan(100);
  });

  test("convolutions in blocks are for this machine's runtime, not for the ONNX file", async () => {
    const shapes = [spec([8, 16, 12, 12]), spec([16, 16, 3, 3])] as const;
    const executable = keep(await compile((x: Tensor, w: Tensor) => op.conv(x, w, { padding: 1 }), shapes));
    const domain = "com.microsoft.nchwc";
    const hasDomain = (model: Uint8Array): boolean => Buffer.from(model).includes(domain);
    expect(hasDomain(executable.onnx())).toBe(false);
    expect(hasDomain(executable.native())).toBe((await nodeBackend.blockSize("cpu")) !== undefined);
    const traced = keep(
      await compile((x: Tensor, w: Tensor) => op.conv(x, w, { padding: 1 }), shapes, { optimize: "none" }),
    );
    expect(hasDomain(traced.native())).toBe(false);
    // A loop's body is searched, too; weights that are constants are left to the runtime.
    const body = keep(
      await compile(
        (x: Tensor, w: Tensor) =>
          scan((h: Tensor, t: Tensor) => [op.conv(h, w, { padding: 1 }), t] as const, x, op.zeros([2])),
        shapes,
      ),
    );
    expect(hasDomain(body.native())).toBe(hasDomain(executable.native()));
    const constant = keep(
      await compile(
        (x: Tensor) => op.conv(x, op.constant(castArray(uniform([16, 16, 3, 3]), "float32")), { padding: 1 }),
        [shapes[0]] as const,
      ),
    );
    expect(hasDomain(constant.native())).toBe(false);
  });

  test("large outputs land in given arrays as they come back from run", async () => {
    // 21 MB and 42 MB with sizes that do not divide evenly, beside a small output.
    const executable = keep(
      await compile(
        (x: Tensor, y: Tensor) => ({
          wide: op.mul(x, y),
          long: op.add(x, op.cast(y, "float64")),
          small: op.sum(y),
        }),
        [spec([1627, 1], "float64"), spec([1, 1613], "float64")] as const,
      ),
    );
    const arguments_ = [uniform([1627, 1]), uniform([1, 1613])] as const;
    const fresh = await executable.run(...arguments_);
    const given = {
      wide: zerosArray([1627, 1613], "float64"),
      long: zerosArray([1627, 1613], "float64"),
      small: zerosArray([], "float64"),
    };
    for (let repeat = 0; repeat < 2; repeat++) {
      expect(await executable.runInto(given, ...arguments_)).toBe(given);
      for (const name of ["wide", "long", "small"] as const)
        expect(
          Buffer.compare(
            Buffer.from(given[name].data.buffer),
            Buffer.from(
              fresh[name].data.buffer as ArrayBuffer,
              fresh[name].data.byteOffset,
              fresh[name].data.byteLength,
            ),
          ),
        ).toBe(0);
      given.wide.data.fill(0);
    }
    await executable.dispose();
    await expect(executable.runInto(given, ...arguments_)).rejects.toThrow("the executable was disposed");
  });

  test("counts every step of a scan", async () => {
    const step = (carry: Tensor, x: Tensor): readonly [Tensor, Tensor] => [
      op.matmul(x, carry),
      op.sum(carry),
    ];
    const flopsOf = async (length: number): Promise<number> => {
      const executable = await compile(
        (carry, xs) => scan(step, carry, xs),
        [spec([5, 5]), spec([length, 5, 5])],
      );
      const { operations, flops } = executable.summary();
      expect(operations).toMatchObject({ scan: 1, matmul: 1, sum: 1 });
      await executable.dispose();
      return flops;
    };
    expect((await flopsOf(7)) - (await flopsOf(4))).toBe(3 * (2 * 5 * 5 * 5 + 25));
  });

  test("shares equal work and drops what nothing needs", async () => {
    const f = (x: Tensor) => {
      op.exp(op.exp(x));
      return op.add(op.mul(op.sin(x), 2), op.mul(op.sin(x), 2));
    };
    const executable = keep(await compile(f, [spec([2])]));
    expect(executable.summary().operations).toMatchObject({ sin: 1 });
    expect(executable.summary().operations).not.toHaveProperty("exp");
    const traced = keep(await compile(f, [spec([2])], { optimize: "none" }));
    expect(traced.summary().operations).toMatchObject({ sin: 2, mul: 2 });
  });

  test("factors that overflow or vanish together are applied one after the other", async () => {
    const executable = keep(
      await compile((x) => [op.mul(op.mul(x, 1e30), 1e30), op.mul(op.mul(x, 1e-30), 1e-30)], [spec([1])]),
    );
    // Multiplied first, the factors would be infinity and 0.
    const [large, small] = [await executable.run(ndarray([1e-35])), await executable.run(ndarray([1e35]))];
    expect(Number(large[0]?.data[0]) / 1e25).toBeCloseTo(1, 5);
    expect(Number(small[1]?.data[0]) / 1e-25).toBeCloseTo(1, 5);
  });

  test("dispose ends it; a second time does nothing", async () => {
    const executable = await add();
    await executable.dispose();
    await executable.dispose();
    await expect(executable.run(matrix, row)).rejects.toThrow(/run: the executable was disposed/);
  });
});

describe("compileCached", () => {
  test("compiles once for each shape and dtype", async () => {
    let traces = 0;
    const run = keep(
      compileCached((x: Tensor, scale: Tensor) => {
        traces++;
        return op.sum(op.mul(x, scale));
      }),
    );
    const one = ndarray([2], []);
    expect(toNumbers(await run(ndarray([1, 2]), one))).toEqual([6]);
    expect(toNumbers(await run(ndarray([3, 4]), one))).toEqual([14]);
    expect(toNumbers(await run(ndarray([1, 2, 3]), one))).toEqual([12]);
    const both = await Promise.all([run(ndarray([1], [1, 1]), one), run(ndarray([2], [1, 1]), one)]);
    expect(both.map(toNumbers)).toEqual([[2], [4]]);
    expect(traces).toBe(3);
  });

  test("a function that fails to compile fails again, and can be disposed", async () => {
    const run = compileCached((x: Tensor) => op.matmul(x, x));
    await expect(run(ndarray([1, 2], [1, 2]))).rejects.toThrow(/matmul/);
    await expect(run(ndarray([1, 2], [1, 2]))).rejects.toThrow(/matmul/);
    expect(toNumbers(await run(ndarray([1, 0, 0, 1], [2, 2])))).toEqual([1, 0, 0, 1]);
    await run.dispose();
  });
});
