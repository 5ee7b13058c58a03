import { readFile, stat } from "node:fs/promises";
import { InputError, systemErrorCode } from "../../../data/input-error.ts";
import { formatCount, formatNumber } from "../../../runs/format.ts";
import type { CommandResult } from "../../../runs/method.ts";
import type { Run } from "../../../runs/run.ts";
import type { TextCommandParameters } from "./command.ts";
import { commonWords } from "./common-words.ts";
import type { TextModel } from "./model.ts";
import type { AttackText } from "./outcome.ts";
import { reportText } from "./report.ts";
import { readWordPiece, specialTokens, vocabularyOfWords, type WordPiece, wordPiece } from "./word-piece.ts";

/** The model that a word of the command line names, for texts of so many tokens. */
export type MakeTextModel = (
  name: TextCommandParameters["model"],
  size: { readonly tokens: number; readonly vocabulary: number; readonly tied: boolean },
) => TextModel;

/** Tokens of the longest text, [CLS] and [SEP] included: the positions of BERT. */
export const longestText = 512;
/** Bytes of the longest text file: more would never fit. */
const longestFile = 65_536;

export interface RunTextRequest {
  readonly parameters: TextCommandParameters;
  readonly run: Run;
  readonly attackText: AttackText;
  readonly makeModel: MakeTextModel;
}

/**
 * The command `leakage text`: reads text and vocabulary, attacks the text's gradient, writes the result.
 *
 * @throws InputError when text or vocabulary cannot be used
 */
export async function runText({
  parameters,
  run,
  attackText,
  makeModel,
}: RunTextRequest): Promise<CommandResult> {
  const { text, vocabulary, cased, untied, model, ...attack } = parameters;
  const sentence = await readText(text);
  const tokenizer = await readVocabulary(vocabulary, { sentence, lowerCase: !cased });
  const tokens = tokenizer.encode(sentence);
  if (tokens.length === 0)
    throw new InputError(`TEXT: ${JSON.stringify(sentence)} has no token; expected a sentence`);
  if (tokens.length + 2 > longestText)
    throw new InputError(
      `TEXT: ${formatCount(tokens.length)} tokens; the model takes up to ${longestText - 2} besides ${specialTokens.start} and ${specialTokens.end}`,
    );
  if (vocabulary === undefined)
    run.note(
      `No vocabulary was given: this demonstration has one of ${formatCount(tokenizer.vocabulary.length)} whole words, the text's own and common ones. BERT's has 30,522 pieces of words (--vocabulary vocab.txt).`,
    );
  const unknown = tokenizer.idOf(specialTokens.unknown);
  const unknowns = tokens.filter((token) => token === unknown).length;
  if (unknowns > 0)
    run.note(
      `${formatCount(unknowns)} of ${formatCount(tokens.length)} tokens are not in the vocabulary and were replaced by ${specialTokens.unknown} before the model saw them: what they were, no attack can tell.`,
    );
  run.signal.throwIfAborted();
  const outcome = await attackText({
    sentence,
    tokenizer,
    makeModel: (size) => makeModel(model, { ...size, tied: !untied }),
    parameters: attack,
    stream: run.rng,
    signal: run.signal,
    onProgress({ done, total, matchingLoss }) {
      run.metric("matching-loss", done, matchingLoss);
      run.progress(done, total, `matching loss ${formatNumber(matchingLoss, { digits: 2 })}`);
    },
  });
  return reportText(run, outcome);
}

/** What stands in the file of that name, or the argument itself where there is none. */
async function readText(text: string): Promise<string> {
  // What no file system has a name for is a sentence.
  const found = await stat(text).catch(() => undefined);
  if (found === undefined) {
    if (/^\S+\.(txt|md|text)$/i.test(text))
      throw new InputError(`${text}: there is no such file; a sentence has spaces`);
    return text;
  }
  if (!found.isFile()) throw new InputError(`${text}: not a file; expected a sentence or a text file`);
  if (found.size > longestFile)
    throw new InputError(
      `${text}: ${formatCount(found.size)} bytes; expected a text of up to ${formatCount(longestFile)}`,
    );
  let bytes: Buffer;
  try {
    bytes = await readFile(text);
  } catch (error) {
    throw new InputError(`${text}: cannot be read (${systemErrorCode(error) ?? String(error)})`, {
      cause: error,
    });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InputError(`${text}: not UTF-8 text; expected a text file`, { cause: error });
  }
}

async function readVocabulary(
  path: string | undefined,
  { sentence, lowerCase }: { readonly sentence: string; readonly lowerCase: boolean },
): Promise<WordPiece> {
  if (path === undefined)
    return wordPiece(vocabularyOfWords([sentence, commonWords.join(" ")], { lowerCase }), { lowerCase });
  const tokenizer = await readWordPiece(path, { lowerCase });
  const needed = [specialTokens.start, specialTokens.end, specialTokens.mask];
  const missing = needed.find((token) => tokenizer.idOf(token) === undefined);
  if (missing !== undefined)
    throw new InputError(`${path}: the vocabulary has no ${missing}, which a masked language model needs`);
  return tokenizer;
}
