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

/** A sparse matrix by rows, each scaled, with the products that LSMR asks for. */
export interface SparseMatrix extends LinearOperator {
  readonly nonZeros: number;
  /** The norm of each column; 1 for one of zeros. */
  columnNorms(): Float64Array;
}

/**
 * The matrix of the equations [W · a = z; corr(a, δ) = g_W] in the input a: a row for each output of the convolution,
 * then one for each entry of its weight. Each of the two blocks is divided by the root mean square norm of its rows, so
 * that neither outweighs the other.
 *
 * @param weight [out, in, kernel, kernel]
 * @param delta the loss's derivative by each output
 */
export function convolutionEquations(
  shape: ConvolutionShape,
  weight: Float64Array,
  delta: Float64Array,
): {
  readonly matrix: SparseMatrix;
  /** By what each block's right-hand side must be divided: the outputs', then the weight gradient's. */
  readonly blockScales: readonly [number, number];
} {
  const outputs = shape.output.reduce((product, size) => product * size, 1);
  const columns = shape.input.reduce((product, size) => product * size, 1);
  const rows = outputs + weight.length;
  const starts = new Int32Array(rows + 1);
  forEachProduct(shape, (output, w) => {
    starts[output + 1] = (starts[output + 1] as number) + 1;
    starts[outputs + w + 1] = (starts[outputs + w + 1] as number) + 1;
  });
  for (let r = 0; r < rows; r++) starts[r + 1] = (starts[r + 1] as number) + (starts[r] as number);
  const nonZeros = starts[rows] ?? 0;
  const places = new Int32Array(nonZeros);
  const values = new Float64Array(nonZeros);
  const next = starts.slice();
  const put = (row: number, column: number, value: number): void => {
    const at = next[row] as number;
    next[row] = at + 1;
    places[at] = column;
    values[at] = value;
  };
  forEachProduct(shape, (output, w, input) => {
    put(output, input, weight[w] as number);
    put(outputs + w, input, delta[output] as number);
  });

  const middle = starts[outputs] ?? 0;
  const rootMeanSquare = (from: number, to: number, count: number): number => {
    let total = 0;
    for (let i = from; i < to; i++) total += (values[i] as number) ** 2;
    return total === 0 ? 1 : Math.sqrt(total / count);
  };
  const blockScales = [
    rootMeanSquare(0, middle, outputs),
    rootMeanSquare(middle, nonZeros, weight.length),
  ] as const;
  for (let i = 0; i < nonZeros; i++) values[i] = (values[i] as number) / blockScales[i < middle ? 0 : 1];
  return { matrix: sparseMatrix(rows, columns, starts, places, values), blockScales };
}

function sparseMatrix(
  rows: number,
  columns: number,
  starts: Int32Array,
  places: Int32Array,
  values: Float64Array,
): SparseMatrix {
  const forward = new Float64Array(rows);
  const back = new Float64Array(columns);
  return {
    rows,
    columns,
    nonZeros: values.length,
    columnNorms() {
      const squares = new Float64Array(columns);
      for (const [i, column] of places.entries())
        squares[column] = (squares[column] as number) + (values[i] as number) ** 2;
      return squares.map((square) => Math.sqrt(square) || 1);
    },
    multiply(x) {
      for (let r = 0; r < rows; r++) {
        let sum = 0;
        const end = starts[r + 1] as number;
        for (let i = starts[r] as number; i < end; i++)
          sum += (values[i] as number) * (x[places[i] as number] as number);
        forward[r] = sum;
      }
      return forward;
    },
    transposeMultiply(y) {
      back.fill(0);
      for (let r = 0; r < rows; r++) {
        const factor = y[r] as number;
        const end = starts[r + 1] as number;
        for (let i = starts[r] as number; i < end; i++) {
          const column = places[i] as number;
          back[column] = (back[column] as number) + (values[i] as number) * factor;
        }
      }
      return back;
    },
  };
}
