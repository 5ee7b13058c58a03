/**
 * How often matching recovers a text, by the scale of the network's weights and of its embeddings: the grid of the
 * README's section on text, with the closed forms beside it.
 */
import { type NDArray, ndarray } from "../../../engine/ndarray.ts";
import { sizeOf } from "../../../engine/shape.ts";
import { type Named, parameterAt } from "../../../models/model.ts";
import type { TextModel } from "../../../models/text-model.ts";
import { type RandomStream, randomStream } from "../../../numeric/random.ts";
import { bagOfWords } from "./bag-of-words.ts";
import { sharedTextGradient } from "./gradient.ts";
import { textMetrics } from "./metrics.ts";
import { endsIn, replaceParameters } from "./named-parameters.ts";
import { nearestTokens } from "./nearest-tokens.ts";
import { recoverText } from "./recover.ts";
import { spanCheck } from "./span-check.ts";
import { readTextStructure } from "./structure.ts";

export interface TextGridCell {
  /** Standard deviation of every weight and bias, positions included, but token embeddings and layer normalisations. */
  readonly netSd: number;
  /** Standard deviation of the token embeddings; the dummies start with it too. */
  readonly embeddingSd: number;
  /** Whether the attacker knows the masked token or optimises it with the embeddings. */
  readonly labels: "known" | "joint";
}

export interface TextGridRow extends TextGridCell {
  /** The fraction of the positions whose token is right at the last step, for each seed: by the nearest row's angle. */
  readonly accuracy: readonly number[];
  /** By angle, after the best permutation: 1 where all tokens were found, in whatever order. */
  readonly permutedAccuracy: readonly number[];
  /** In place, by the nearest input of the first layer. */
  readonly accuracyByInput: readonly number[];
  readonly matchingLoss: readonly number[];
  /** How many seeds the span check had every position of, and how many the exact bag of words. */
  readonly spanChecks: number;
  readonly bags: number;
}

/** Net 0.1 and 0.2, embeddings 0.1 and 1, labels known and joint. */
export const textGridCells: readonly TextGridCell[] = [1, 0.1].flatMap((embeddingSd) =>
  [0.2, 0.1].flatMap((netSd) =>
    (["known", "joint"] as const).map((labels) => ({ netSd, embeddingSd, labels })),
  ),
);

export interface TextGridOptions {
  /** The encoder for so many tokens, of two layers of 32 features in the README's table. */
  readonly makeModel: (size: { readonly tokens: number; readonly vocabulary: number }) => TextModel;
  readonly cells?: readonly TextGridCell[];
  /** One network, text and start for each; 0 to 3 by default. The cells of a seed differ in scales alone. */
  readonly seeds?: readonly number[];
  /** Iterations of L-BFGS; 800 by default, PyTorch's 40 steps of 20. */
  readonly iterations?: number;
  /** Ends of the names of parameters whose gradient the matching does not see, such as that of the positions. */
  readonly withheld?: readonly string[];
  /** Rounds of swaps, and the start's spread: as `recoverText` takes them. */
  readonly reorderings?: number;
  readonly startSd?: number;
  readonly onRow?: (row: TextGridRow) => void;
  readonly signal?: AbortSignal;
}

const tokens = 8;
const vocabulary = 200;
const mask = 4;

/**
 * Attacks a random text of 8 of 200 tokens, one of them masked, for every cell and seed, in float64 with the squared
 * distance and nothing known but the masked position. There is one start each, and nothing looks at the truth before the
 * last step. Right is the token that the model was fed, [MASK] included.
 *
 * @throws the signal's reason when it is aborted
 */
export async function textGrid(options: TextGridOptions): Promise<TextGridRow[]> {
  const { cells = textGridCells, seeds = [0, 1, 2, 3], onRow } = options;
  const rows: TextGridRow[] = [];
  for (const cell of cells) {
    const attacks: Awaited<ReturnType<typeof attackCell>>[] = [];
    for (const seed of seeds) attacks.push(await attackCell(cell, seed, options));
    const row: TextGridRow = {
      ...cell,
      accuracy: attacks.map(({ accuracy }) => accuracy),
      permutedAccuracy: attacks.map(({ permutedAccuracy }) => permutedAccuracy),
      accuracyByInput: attacks.map(({ accuracyByInput }) => accuracyByInput),
      matchingLoss: attacks.map(({ matchingLoss }) => matchingLoss),
      spanChecks: attacks.filter(({ isSpanExact }) => isSpanExact).length,
      bags: attacks.filter(({ isBagExact }) => isBagExact).length,
    };
    rows.push(row);
    onRow?.(row);
  }
  return rows;
}

async function attackCell(cell: TextGridCell, seed: number, options: TextGridOptions) {
  const { makeModel, iterations = 800, withheld = [], reorderings = 0, startSd, signal } = options;
  signal?.throwIfAborted();
  const [weights, words, stream] = randomStream(seed).spawn(3);
  if (weights === undefined || words === undefined || stream === undefined)
    throw new Error("spawn(3) gives three streams");
  const model = makeModel({ tokens, vocabulary });
  const structure = await readTextStructure(model);
  const parameters = scaledParameters(model, weights, cell);
  const original = Array.from(words.integers(tokens, mask + 1, vocabulary));
  const place = words.integers(1, 0, tokens)[0] ?? 0;
  const ids = original.with(place, mask);
  const targets = { rows: [place], labels: [original[place] ?? 0] };
  const gradient = await sharedTextGradient({ model, parameters, ids, targets, dtype: "float64" });

  const {
    tokens: found,
    embeddings,
    matchingLoss,
  } = await recoverText({
    model,
    structure,
    parameters,
    gradient,
    length: tokens,
    rows: targets.rows,
    labels: cell.labels === "known" ? targets.labels : undefined,
    stream,
    iterations,
    withheld,
    reorderings,
    ...(startSd !== undefined && { startSd }),
    ...(signal && { signal }),
  });
  const span = await spanCheck({ model, structure, parameters, gradient });
  const bag = bagOfWords(
    parameterAt(gradient, model.embeddingPath),
    structure.isTied ? { tiedOutputs: 1 } : {},
  );
  const present = [...new Set(ids)].sort((a, b) => a - b);
  const byAngle = await nearestTokens({ model, structure, parameters, embeddings, nearest: "cosine" });
  const { tokenAccuracy: accuracy, permutedAccuracy } = textMetrics(ids, byAngle);
  return {
    accuracy,
    permutedAccuracy,
    accuracyByInput: textMetrics(ids, found).tokenAccuracy,
    matchingLoss,
    isSpanExact: span.tokens.every((token, position) => token === ids[position]),
    isBagExact: bag.tokens.join() === present.join(),
  };
}

/** Normal parameters of the cell's scales; layer normalisations scale by 1 and shift by 0. */
function scaledParameters(
  model: TextModel,
  stream: RandomStream,
  { netSd, embeddingSd }: TextGridCell,
): Named<NDArray> {
  const shapes = model.parameters("float64") as Named<
    NDArray | { shape: readonly number[]; dtype: "float64" }
  >;
  return replaceParameters(shapes, (name, { shape }) => {
    const size = sizeOf(shape);
    if (endsIn(name, "LayerNorm.weight")) return ndarray(new Float64Array(size).fill(1), shape, "float64");
    if (endsIn(name, "LayerNorm.bias")) return ndarray(new Float64Array(size), shape, "float64");
    const sd = name === model.embeddingPath ? embeddingSd : netSd;
    return ndarray(stream.normal(size, 0, sd), shape, "float64");
  }) as Named<NDArray>;
}
