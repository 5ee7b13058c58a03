import { ndarray, zerosArray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import { compile, spec } from "../../engine/runtime/compile.ts";
import { sizeOf } from "../../engine/shape.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { grad, vjp } from "../../engine/transforms/grad.ts";
import type { LinearOperator } from "../../numeric/lsmr.ts";

/** The linear equations that a convolution and its gradient put on the convolution's input. */

/** A convolution over images, square in kernel, stride and padding as in PyTorch's layouts. */
export interface ConvolutionShape {
  /** [channels, height, width]. */
  readonly input: readonly [number, number, number];
  /** [channels, height, width]. */
  readonly output: readonly [number, number, number];
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

/** Calls `visit` for every product of the convolution: places in the output, the weight and the input. */
export function forEachProduct(
  shape: ConvolutionShape,
  visit: (output: number, weight: number, input: number) => void,
): void {
  const { input, output, kernel, stride, padding } = shape;
  const [inputs, height, width] = input;
  const [outputs, rows, columns] = output;
  for (let o = 0; o < outputs; o++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++)
        for (let c = 0; c < inputs; c++)
          for (let ky = 0; ky < kernel; ky++) {
            const row = y * stride + ky - padding;
            if (row < 0 || row >= height) continue;
            for (let kx = 0; kx < kernel; kx++) {
              const column = x * stride + kx - padding;
              if (column < 0 || column >= width) continue;
              visit(
                (o * rows + y) * columns + x,
                ((o * inputs + c) * kernel + ky) * kernel + kx,
                (c * height + row) * width + column,
              );
            }
          }
}

/** What the entries of the equations' matrix say of it. */
export interface EquationScales {
  /** The root mean square norm of the rows of each block: the outputs', then the weight gradient's. */
  readonly blocks: readonly [number, number];
  /** The norm of each column when both blocks are divided by theirs. */
  readonly columnNorms: Float64Array;
}

/** The scales of the equations [W · a = z; corr(a, δ) = g_W] in the input a. */
export function equationScales(
  shape: ConvolutionShape,
  weight: Float64Array,
  delta: Float64Array,
): EquationScales {
  const size = sizeOf(shape.input);
  const [first, second] = [new Float64Array(size), new Float64Array(size)];
  forEachProduct(shape, (output, w, input) => {
    first[input] = (first[input] as number) + (weight[w] as number) ** 2;
    second[input] = (second[input] as number) + (delta[output] as number) ** 2;
  });
  const sum = (squares: Float64Array): number => squares.reduce((total, square) => total + square, 0);
  const blocks = [
    Math.sqrt(sum(first) / sizeOf(shape.output)) || 1,
    Math.sqrt(sum(second) / weight.length) || 1,
  ] as const;
  return {
    blocks,
    columnNorms: first.map(
      (square, i) => Math.sqrt(square / blocks[0] ** 2 + (second[i] as number) / blocks[1] ** 2) || 1,
    ),
  };
}

/** A linear operator of compiled graphs. */
export interface CompiledOperator extends LinearOperator<Promise<Float64Array>> {
  dispose(): Promise<void>;
}

/**
 * The matrix of the equations [W · a = z; corr(a, δ) = g_W] with a = change(s), each block divided by its scale: a row for
 * each output of the convolution, then one for each entry of its weight. The correlation is the gradient of ⟨W · a, δ⟩ by W,
 * and the transposed product is the reverse pass.
 *
 * @param change a linear change of variables in the graph, of [channels, pixels]
 */
export async function convolutionEquations(
  shape: ConvolutionShape,
  weight: Float64Array,
  delta: Float64Array,
  {
    blocks,
    change = (s) => s,
  }: { readonly blocks: readonly [number, number]; readonly change?: (s: Tensor) => Tensor },
): Promise<CompiledOperator> {
  const { input, output, kernel, stride, padding } = shape;
  const [rows, columns] = [sizeOf(output) + weight.length, sizeOf(input)];
  const kernels = op.constant(ndarray(weight, [output[0], input[0], kernel, kernel], "float64"));
  const slopes = op.constant(ndarray(delta, [1, ...output], "float64"));
  const product = (s: Tensor): Tensor => {
    const a = op.reshape(change(op.reshape(s, [input[0], input[1] * input[2]])), [1, ...input]);
    const convolved = (w: Tensor): Tensor => op.conv(a, w, { stride, padding });
    const correlated = grad((w: Tensor) => op.sum(op.mul(convolved(w), slopes)))(kernels);
    return op.concat([
      op.div(op.reshape(convolved(kernels), [sizeOf(output)]), blocks[0]),
      op.div(op.reshape(correlated, [weight.length]), blocks[1]),
    ]);
  };
  const forward = await compile(product, [spec([columns], "float64")], { threads: 1 });
  const back = await compile(
    (y: Tensor): Tensor => vjp(product, op.zeros([columns], "float64"))[1](y)[0],
    [spec([rows], "float64")],
    { threads: 1 },
  );
  const found = zerosArray([rows], "float64");
  const pulled = zerosArray([columns], "float64");
  return {
    rows,
    columns,
    multiply: async (x) => {
      await forward.runInto(found, ndarray(x, [columns], "float64"));
      return found.data;
    },
    transposeMultiply: async (y) => {
      await back.runInto(pulled, ndarray(y, [rows], "float64"));
      return pulled.data;
    },
    dispose: async () => {
      await forward.dispose();
      await back.dispose();
    },
  };
}
