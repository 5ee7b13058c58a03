/**
 * BERT's tokenizer: a text is cleaned and split into words and punctuation, and each word into the longest pieces that
 * the vocabulary holds, from left to right.
 *
 * Source: J. Devlin, M.-W. Chang, K. Lee, K. Toutanova, "BERT", NAACL 2019, and the `tokenization.py` released with it;
 * Y. Wu et al., "Google's Neural Machine Translation System", 2016, for the pieces.
 */
import { readFile } from "node:fs/promises";
import { InputError, systemErrorCode } from "../../../data/input-error.ts";

/** The tokens that stand for no text. */
export const specialTokens = {
  padding: "[PAD]",
  unknown: "[UNK]",
  start: "[CLS]",
  end: "[SEP]",
  mask: "[MASK]",
} as const;

export interface WordPieceOptions {
  /** Lower-case the text and drop its accents, as the "uncased" models do; true by default. */
  readonly lowerCase?: boolean;
  /** Words longer than this become one [UNK]; 100 characters by default. */
  readonly longestWord?: number;
}

export interface WordPiece {
  /** The tokens by id; pieces that continue a word begin with "##". */
  readonly vocabulary: readonly string[];
  /** The pieces of a text, without [CLS] and [SEP]. Special tokens written in the text are kept whole. */
  tokenize(text: string): string[];
  /** The ids of {@link tokenize}. */
  encode(text: string): number[];
  /** A readable text: pieces joined, [PAD], [CLS] and [SEP] left out, no space before punctuation. Not an exact inverse. */
  decode(ids: readonly number[]): string;
  idOf(token: string): number | undefined;
}

const bracketed = /(\[(?:PAD|UNK|CLS|SEP|MASK)\])/;
const silent: ReadonlySet<string> = new Set([specialTokens.padding, specialTokens.start, specialTokens.end]);

/**
 * The tokenizer of a vocabulary.
 *
 * @throws RangeError when the vocabulary is empty, holds an empty or repeated token, or lacks [UNK]
 * @example wordPiece(["[UNK]", "un", "##want", "##ed"]).tokenize("Unwanted") // ["un", "##want", "##ed"]
 */
export function wordPiece(vocabulary: readonly string[], options: WordPieceOptions = {}): WordPiece {
  const { lowerCase = true, longestWord = 100 } = options;
  const fault = vocabularyFault(vocabulary);
  if (fault !== undefined) throw new RangeError(`wordPiece: the vocabulary ${fault}`);
  const ids = new Map(vocabulary.map((token, id) => [token, id]));
  const unknown = ids.get(specialTokens.unknown) ?? 0;

  const piecesOf = (word: string): string[] => {
    const characters = [...word];
    if (characters.length > longestWord) return [specialTokens.unknown];
    const pieces: string[] = [];
    let start = 0;
    while (start < characters.length) {
      let end = characters.length;
      const pieceTo = (stop: number): string =>
        `${start > 0 ? "##" : ""}${characters.slice(start, stop).join("")}`;
      while (end > start && !ids.has(pieceTo(end))) end--;
      // A word of which any part is unknown is unknown as a whole.
      if (end === start) return [specialTokens.unknown];
      pieces.push(pieceTo(end));
      start = end;
    }
    return pieces;
  };
  const tokenize = (text: string): string[] =>
    text
      .split(bracketed)
      .flatMap((part) =>
        ids.has(part) && bracketed.test(part) ? [part] : basicTokens(part, { lowerCase }).flatMap(piecesOf),
      );

  return {
    vocabulary,
    tokenize,
    encode: (text) => tokenize(text).map((token) => ids.get(token) ?? unknown),
    decode: (sequence) =>
      joinPieces(
        sequence.map((id) => vocabulary[id] ?? specialTokens.unknown).filter((token) => !silent.has(token)),
      ),
    idOf: (token) => ids.get(token),
  };
}

/**
 * Words and punctuation marks of a text: control characters dropped, CJK characters on their own, and with `lowerCase`
 * lower-case without accents.
 */
export function basicTokens(
  text: string,
  { lowerCase = true }: { readonly lowerCase?: boolean } = {},
): string[] {
  let clean = text.replaceAll(/[\t\n\r]/g, " ").replaceAll(/[\p{C}\uFFFD]/gu, "");
  clean = clean.replaceAll(cjk, " $& ");
  if (lowerCase)
    clean = clean
      .toLowerCase()
      .normalize("NFD")
      .replaceAll(/\p{Mn}/gu, "");
  return clean
    .replaceAll(punctuation, " $& ")
    .split(/\s+/u)
    .filter((word) => word !== "");
}

/** The blocks that BERT's code calls Chinese characters: CJK ideographs and their extensions, not kana or hangul. */
const cjk =
  /[\u{4E00}-\u{9FFF}\u{3400}-\u{4DBF}\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B820}-\u{2CEAF}\u{F900}-\u{FAFF}\u{2F800}-\u{2FA1F}]/gu;
/** Unicode's punctuation, and every ASCII sign that is no letter or digit, such as $ and ^. */
const punctuation = /[!-/:-@[-`{-~\p{P}]/gu;

function joinPieces(tokens: readonly string[]): string {
  return tokens
    .join(" ")
    .replaceAll(" ##", "")
    .replaceAll(/ ([.,!?;:)\]}%])/g, "$1")
    .replaceAll(/([([{$#]) /g, "$1")
    .replaceAll(/(\w) (['’]) (\w)/g, "$1$2$3")
    .replaceAll(/(\w) - (\w)/g, "$1-$2");
}

function vocabularyFault(vocabulary: readonly string[]): string | undefined {
  if (vocabulary.length === 0) return "is empty";
  const lines = new Map<string, number>();
  for (const [id, token] of vocabulary.entries()) {
    if (token === "") return `has an empty token in line ${id + 1}`;
    const earlier = lines.get(token);
    if (earlier !== undefined)
      return `repeats the token ${JSON.stringify(token)} of line ${earlier + 1} in line ${id + 1}`;
    lines.set(token, id);
  }
  return lines.has(specialTokens.unknown)
    ? undefined
    : `has no ${specialTokens.unknown} among its ${vocabulary.length} tokens, which BERT's vocabularies do`;
}

/**
 * Reads a vocabulary as BERT's checkpoints have it: `vocab.txt`, UTF-8, one token a line, its id the line's number
 * from 0.
 *
 * @throws InputError naming the file when it cannot be read, is no UTF-8 text, or is no such vocabulary
 */
export async function readWordPiece(path: string, options: WordPieceOptions = {}): Promise<WordPiece> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const why =
      systemErrorCode(error) === "ENOENT" ? "there is no such file" : String((error as Error).message);
    throw new InputError(`${path}: ${why}; expected a vocabulary, one token a line`, { cause: error });
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InputError(`${path}: not UTF-8 text; expected a vocabulary, one token a line`, {
      cause: error,
    });
  }
  const tokens = text.split(/\r?\n/);
  if (tokens.at(-1) === "") tokens.pop();
  const fault = vocabularyFault(tokens);
  if (fault !== undefined) throw new InputError(`${path}: the vocabulary ${fault}`);
  return wordPiece(tokens, options);
}

/**
 * A vocabulary of whole words for a demonstration: the special tokens, then the words of the given texts in the order
 * of their first occurrence. It holds little but the words that are to be guessed, which makes every guess easier than
 * with a real vocabulary of 30,000.
 */
export function vocabularyOfWords(
  texts: readonly string[],
  options: { readonly lowerCase?: boolean } = {},
): string[] {
  const words = texts.flatMap((text) =>
    text
      .split(bracketed)
      .filter((part) => !bracketed.test(part))
      .flatMap((part) => basicTokens(part, options)),
  );
  return [...new Set<string>([...Object.values(specialTokens), ...words])];
}
