import { bert } from "../../../models/bert.ts";
import type { TextModel } from "../../../models/text-model.ts";

export interface EncoderOptions {
  readonly vocabularySize: number;
  /** Tokens of a text. */
  readonly length: number;
  readonly width?: number;
  readonly layers?: number;
  readonly tied?: boolean;
  /** Classes of a classifier that reads the first position; a masked language model without it. */
  readonly classes?: number;
}

/** A BERT small enough for tests, with larger weights than usual. */
export function smallEncoder(options: EncoderOptions): TextModel {
  const { vocabularySize, length, width = 32, layers = 2, tied = false, classes } = options;
  return bert({
    vocabulary: vocabularySize,
    tokens: length,
    positions: length + 4,
    hidden: width,
    layers,
    heads: 2,
    intermediate: 2 * width,
    tied,
    initialisation: "normal:0.1",
    ...(classes !== undefined && { head: "classifier", classes }),
  });
}
