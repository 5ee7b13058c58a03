/**
 * Gradient matching for text: the embeddings of the tokens are unknowns as the pixels of an image are, and become tokens
 * afterwards, each the nearest row of the embedding matrix.
 *
 * Sources: Zhu et al. 2019, section 4.2 (squared distance); J. Deng et al., "TAG: Gradient Attack on Transformer-based
 * Language Models", EMNLP Findings 2021 (L2 + L1); M. Balunović et al., "LAMP: Extracting Text from Gradients with
 * Language Model Priors", NeurIPS 2022 (cosine, embedding-norm regulariser).
 */
import { castArray, type NDArray, ndarray, zerosArray } from "../../../engine/ndarray.ts";
import * as op from "../../../engine/ops/index.ts";
import { compile, spec } from "../../../engine/runtime/compile.ts";
import type { Tensor } from "../../../engine/tensor.ts";
import { grad, valueAndGrad } from "../../../engine/transforms/grad.ts";
import { type Named, parameterAt } from "../../../models/model.ts";
import type { TextModel } from "../../../models/text-model.ts";
import type { Objective } from "../../../training/lbfgs.ts";
import type { Float } from "../shared-gradient.ts";
import { textLoss } from "./gradient.ts";
import { endsIn, namedLeaves, replaceParameters } from "./named-parameters.ts";

/**
 * How far a dummy's gradient is from the shared one: `l2` the sum of squared differences; `cosine` 1 - cos of each
 * parameter's gradient, averaged (LAMP); `tag` squares plus 0.1 w times absolute differences, w falling linearly from 1
 * at the first parameter to 1/n at the last.
 */
export type TextDistance = "l2" | "cosine" | "tag";

export interface TextMatchingRequest {
  readonly model: TextModel;
  readonly parameters: Named<NDArray>;
  /** The gradient to match, a tree like the parameters. */
  readonly gradient: Named<NDArray>;
  /** Tokens of the text. */
  readonly length: number;
  /** The rows of logits that the loss is taken of: the masked positions, or row 0 of a classifier. */
  readonly rows: readonly number[];
  /** Their classes where they are known; else they are unknowns behind the embeddings, as logits. */
  readonly labels?: readonly number[] | undefined;
  /** The tokens that are known, at their positions: [CLS], [SEP] and [MASK]. */
  readonly known?: readonly (number | undefined)[] | undefined;
  /** Ends of the names of parameters whose gradient is not shared, or not to be compared. */
  readonly withheld?: readonly string[];
  readonly distance?: TextDistance;
  /** Whether only entries are compared that are not 0 in the shared gradient: those that pruning left; false by default. */
  readonly sentOnly?: boolean;
  /** Weight of (mean length of the dummy embeddings - mean length of the vocabulary's)^2; 0 by default. */
  readonly normWeight?: number;
  readonly dtype?: Float;
}

/** The matching loss as a function of the unknowns in one vector: the embeddings [length, width], then the label logits. */
export interface TextMatching {
  readonly unknowns: number;
  readonly width: number;
  readonly objective: Objective;
  dispose(): Promise<void>;
}

/**
 * Compiles the matching loss and its gradient, a gradient of a gradient. The embedding matrix itself is left out of the
 * comparison: its gradient is that of tokens, which embeddings are not yet ({@link bagOfWords} reads it).
 *
 * @throws RangeError when the model's table of embeddings is not there, or a known token is not in it
 */
export async function compileTextMatching(request: TextMatchingRequest): Promise<TextMatching> {
  const { model, parameters, gradient, length, rows, labels, known = [] } = request;
  const { withheld = [], distance = "l2", normWeight = 0, dtype = "float64", sentOnly = false } = request;
  const matrix = parameterAt(parameters, model.embeddingPath);
  const width = matrix.shape[1] ?? 0;
  const left = [model.embeddingPath, ...withheld];
  const isLeftOut = (name: string): boolean => left.some((end) => endsIn(name, end));
  const size = length * width;
  const unknowns = size + (labels === undefined ? rows.length * model.classes : 0);
  const fixed = fixedRows(known, matrix, length);
  const constants = replaceParameters<NDArray | Tensor>(parameters, (_, leaf) =>
    op.constant(leaf as NDArray),
  ) as Named<Tensor>;
  const targets = namedLeaves(gradient).filter(({ name }) => !isLeftOut(name));

  const dummyGradient = (embeddings: Tensor, probabilities: Tensor): Tensor[] => {
    const loss = (inner: readonly Tensor[]): Tensor => {
      let next = 0;
      const values = replaceParameters(constants, (name, leaf) =>
        isLeftOut(name) ? leaf : (inner[next++] ?? leaf),
      );
      return textLoss(model.applyEmbedded(values, op.unsqueeze(embeddings, 0)), rows, probabilities);
    };
    const others = namedLeaves(constants).filter(({ name }) => !isLeftOut(name));
    return grad(loss)(others.map(({ leaf }) => leaf)) as Tensor[];
  };

  const compareAll = distances[distance](targets.map(({ leaf }) => leaf));
  const sent = sentOnly ? targets.map(({ leaf }) => op.constant(sentMask(leaf, dtype))) : [];
  const compare: Compare = (dummy) =>
    compareAll(sentOnly ? dummy.map((entry, i) => op.mul(entry, sent[i] ?? 1)) : dummy);
  const usualLength = meanLength(matrix);
  const loss = (vector: Tensor): Tensor => {
    const inner = op.cast(vector, dtype);
    const free = op.reshape(op.slice(inner, [0, size]), [length, width]);
    const embeddings =
      fixed === undefined ? free : op.where(fixed.isFixed, op.constant(castArray(fixed.rows, dtype)), free);
    const probabilities =
      labels === undefined
        ? op.softmax(op.reshape(op.slice(inner, [size]), [rows.length, model.classes]))
        : op.oneHot(op.constant(ndarray(labels, [labels.length], "int64")), model.classes, dtype);
    const matching = compare(dummyGradient(embeddings, probabilities));
    if (normWeight === 0) return op.cast(matching, "float64");
    const lengths = op.sqrt(op.sum(op.square(embeddings), { axes: -1 }));
    const excess = op.sub(op.mean(lengths), usualLength);
    return op.cast(op.add(matching, op.mul(op.square(excess), normWeight)), "float64");
  };

  const executable = await compile(
    (vector: Tensor): [Tensor, Tensor] => valueAndGrad(loss)(vector),
    [spec([unknowns], "float64")] as const,
    { threads: 1 },
  );
  const value = zerosArray([], "float64");
  const slope = zerosArray([unknowns], "float64");
  return {
    unknowns,
    width,
    objective: async (x) => {
      await executable.runInto([value, slope], { dtype: "float64", shape: [unknowns], data: x });
      return { value: value.data[0] ?? Number.NaN, gradient: slope.data };
    },
    dispose: () => executable.dispose(),
  };
}

type Compare = (dummy: readonly Tensor[]) => Tensor;

const total = (terms: readonly Tensor[]): Tensor => terms.reduce((sum, term) => op.add(sum, term));

const distances: Record<TextDistance, (targets: readonly NDArray[]) => Compare> = {
  l2: (targets) => {
    const constants = targets.map((target) => op.constant(target));
    return (dummy) => total(dummy.map((entry, i) => op.sum(op.square(op.sub(entry, constants[i] ?? 0)))));
  },
  tag: (targets) => {
    const constants = targets.map((target) => op.constant(target));
    return (dummy) =>
      total(
        dummy.map((entry, i) => {
          const difference = op.sub(entry, constants[i] ?? 0);
          const weight = (0.1 * (dummy.length - i)) / dummy.length;
          return op.add(op.sum(op.square(difference)), op.mul(op.sum(op.abs(difference)), weight));
        }),
      );
  },
  cosine: (targets) => {
    const lengths = targets.map(lengthOf);
    // A gradient that is zero but for rounding, as that of the keys' biases, has no direction to compare.
    const bound = 1e-12 * Math.max(...lengths);
    const used = targets.flatMap((target, i) =>
      (lengths[i] ?? 0) > bound ? [{ target: op.constant(target), i }] : [],
    );
    return (dummy) =>
      op.div(
        total(
          used.map(({ target, i }) => {
            const entry = dummy[i] ?? target;
            const norm = op.sqrt(op.add(op.sum(op.square(entry)), 1e-30));
            return op.sub(1, op.div(op.sum(op.mul(entry, target)), op.mul(norm, lengths[i] ?? 1)));
          }),
        ),
        used.length,
      );
  },
};

/** 1 where an entry is not 0, and 0 elsewhere. */
function sentMask({ data, shape }: NDArray, dtype: Float): NDArray {
  const values = Float64Array.from(data as ArrayLike<number>, (value) => (value === 0 ? 0 : 1));
  return castArray(ndarray(values, shape, "float64"), dtype);
}

function fixedRows(
  known: readonly (number | undefined)[],
  matrix: NDArray,
  length: number,
): { readonly isFixed: Tensor; readonly rows: NDArray } | undefined {
  const [count = 0, width = 0] = matrix.shape;
  if (!known.some((token) => token !== undefined)) return undefined;
  const data = matrix.data as ArrayLike<number>;
  const rows = new Float64Array(length * width);
  const flags = new Uint8Array(length);
  for (const [position, token] of known.entries()) {
    if (token === undefined) continue;
    if (position >= length || !Number.isInteger(token) || token < 0 || token >= count)
      throw new RangeError(
        `text matching: known token ${token} at position ${position} is not one of ${count} at ${length} positions`,
      );
    flags[position] = 1;
    for (let i = 0; i < width; i++) rows[position * width + i] = data[token * width + i] ?? 0;
  }
  return {
    isFixed: op.constant(ndarray(flags, [length, 1], "bool")),
    rows: ndarray(rows, [length, width], "float64"),
  };
}

function lengthOf({ data }: NDArray): number {
  let squares = 0;
  for (const value of data as Float64Array) squares += value * value;
  return Math.sqrt(squares);
}

/** The mean length of a matrix's rows. */
function meanLength(matrix: NDArray): number {
  const [count = 0, width = 0] = matrix.shape;
  const data = matrix.data as ArrayLike<number>;
  let sum = 0;
  for (let row = 0; row < count; row++) {
    let squares = 0;
    for (let i = 0; i < width; i++) squares += (data[row * width + i] ?? 0) ** 2;
    sum += Math.sqrt(squares);
  }
  return sum / count;
}
