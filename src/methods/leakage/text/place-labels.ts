/** Which of the masked tokens stood where. */
import { type NDArray, ndarray, zerosArray } from "../../../engine/ndarray.ts";
import { compile, spec } from "../../../engine/runtime/compile.ts";
import { sizeOf } from "../../../engine/shape.ts";
import type { Tensor } from "../../../engine/tensor.ts";
import { grad } from "../../../engine/transforms/grad.ts";
import type { Named } from "../../../models/model.ts";
import type { TextModel } from "../../../models/text-model.ts";
import { assign } from "../../../numeric/assignment.ts";
import { cholesky } from "../../../numeric/linear-algebra/cholesky.ts";
import { matrix } from "../../../numeric/linear-algebra/matrix.ts";
import { dot } from "../../../numeric/rows.ts";
import type { Float } from "../shared-gradient.ts";
import { textLoss } from "./gradient.ts";
import { namedLeaves, replaceParameters } from "./named-parameters.ts";

export interface PlaceLabelsRequest {
  readonly model: TextModel;
  readonly parameters: Named<NDArray>;
  /** The shared gradient, a tree like the parameters. */
  readonly gradient: Named<NDArray>;
  /** The text as the model was fed it. */
  readonly ids: readonly number[];
  readonly rows: readonly number[];
  /** The classes of these rows, in any order. */
  readonly labels: readonly number[];
  readonly dtype: Float;
}

/** Unknowns above which the order is not looked for: each takes a gradient. */
const mostUnknowns = 400;

/**
 * The labels in the order of their rows, for a text that is known.
 *
 * The gradient of a cross entropy is linear in its labels' probabilities: that of row j and class l is the same multiple of
 * one gradient a_jl, whatever the others are. So the shares of all rows and classes follow from least squares on one
 * parameter's gradient, sum over j, l of y_jl a_jl = g, and the order from the best assignment of the shares. [derived]
 *
 * @returns the labels as they were given, where there is one only or there are more than 400 shares
 */
export async function placeLabels(request: PlaceLabelsRequest): Promise<readonly number[]> {
  const { model, parameters, gradient, ids, rows, labels, dtype } = request;
  const classes = [...new Set(labels)];
  const unknowns = rows.length * classes.length;
  const parameter = probe(gradient, unknowns);
  if (classes.length === 1 || unknowns > mostUnknowns || parameter === undefined) return labels;
  const step = await compile(
    (values, tokens, probabilities) => {
      const loss = (weight: Tensor): Tensor => {
        const changed = replaceParameters(values as Named<Tensor>, (name, leaf) =>
          name === parameter.name ? weight : leaf,
        );
        return textLoss(model.apply(changed, tokens), rows, probabilities);
      };
      const own = namedLeaves(values as Named<Tensor>).find(({ name }) => name === parameter.name);
      if (own === undefined) throw new Error(`no parameter ${parameter.name}`);
      return grad(loss)(own.leaf);
    },
    [
      model.parameters(dtype),
      spec([1, ids.length], "int64"),
      spec([rows.length, model.classes], dtype),
    ] as const,
    { threads: 1 },
  );
  try {
    const tokens = ndarray(ids, [1, ids.length], "int64");
    const probabilities = zerosArray([rows.length, model.classes], dtype);
    const columns: Float64Array[] = [];
    for (const j of rows.keys())
      for (const label of classes) {
        const place = j * model.classes + label;
        probabilities.data[place] = 1;
        const found = await step.run(parameters, tokens, probabilities);
        columns.push(Float64Array.from(found.data as ArrayLike<number>));
        probabilities.data[place] = 0;
      }
    const target = Float64Array.from(parameter.leaf.data as ArrayLike<number>);
    const shares = leastSquares(columns, target);
    const costs = Float64Array.from({ length: rows.length * labels.length }, (_, i) => {
      const label = labels[i % labels.length] ?? 0;
      return -(shares[Math.floor(i / labels.length) * classes.length + classes.indexOf(label)] ?? 0);
    });
    const { columnOfRow } = assign(matrix(rows.length, labels.length, costs));
    return Array.from(columnOfRow, (column) => labels[column] ?? 0);
  } finally {
    await step.dispose();
  }
}

/** The smallest matrix with several equations for each unknown; of equals the last, which is nearest to the output. */
function probe(
  gradient: Named<NDArray>,
  unknowns: number,
): { readonly name: string; readonly leaf: NDArray } | undefined {
  return namedLeaves(gradient)
    .filter(({ leaf: { shape } }) => shape.length === 2 && sizeOf(shape) >= 4 * unknowns)
    .reduceRight<{ readonly name: string; readonly leaf: NDArray } | undefined>(
      (best, entry) =>
        best === undefined || sizeOf(entry.leaf.shape) < sizeOf(best.leaf.shape) ? entry : best,
      undefined,
    );
}

/** The coefficients of columns that come nearest to a target, by the normal equations with a hint of damping. */
function leastSquares(columns: readonly Float64Array[], target: Float64Array): Float64Array {
  const n = columns.length;
  const products = new Float64Array(n * n);
  for (const [i, a] of columns.entries())
    for (const [j, b] of columns.entries()) {
      if (j > i) break;
      const product = dot(a, b);
      products[i * n + j] = product;
      products[j * n + i] = product;
    }
  const trace = columns.reduce((sum, _, i) => sum + (products[i * n + i] ?? 0), 0);
  for (let i = 0; i < n; i++) products[i * n + i] = (products[i * n + i] ?? 0) + (1e-10 * trace) / n;
  return cholesky(matrix(n, n, products)).solve(Float64Array.from(columns, (column) => dot(column, target)));
}
