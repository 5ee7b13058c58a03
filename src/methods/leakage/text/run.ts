import { readFile, stat } from "node:fs/promises";
import { InputError, systemErrorCode } from "../../../data/input-error.ts";
import { flat } from "../../../models/names.ts";
import type { TextModel } from "../../../models/text-model.ts";
import { formatCount, formatNumber } from "../../../runs/format.ts";
import type { CommandResult } from "../../../runs/method.ts";
import type { Run } from "../../../runs/run.ts";
import { parseDefences } from "../defences/parse.ts";
import { textTokens } from "./client.ts";
import type { TextCommandParameters } from "./command.ts";
import { commonWords } from "./common-words.ts";
import type { AttackText } from "./outcome.ts";
import { reportText } from "./report.ts";
import { readTextStructure } from "./structure.ts";
import { readWordPiece, specialTokens, vocabularyOfWords, type WordPiece, wordPiece } from "./word-piece.ts";

/**
 * The model that a word of the command line names, `bert-tiny` or an ONNX file, for texts of so many tokens.
 *
 * @throws InputError when the file is no text model, or one for shorter texts
 */
export type MakeTextModel = (
  name: string,
  size: { readonly tokens: number; readonly vocabulary: number; readonly tied: boolean },
) => Promise<TextModel>;

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
 * @throws InputError when text, vocabulary, model or defence cannot be used, or they do not go together
 */
export async function runText({
  parameters,
  run,
  attackText,
  makeModel,
}: RunTextRequest): Promise<CommandResult> {
  const { text, vocabulary, cased, untied, model: name, ...attack } = parameters;
  checkDefence(attack.defence);
  if (name !== "bert-tiny" && vocabulary === undefined)
    throw new InputError(
      `--vocabulary: expected a file, one token a line, for the model of ${name}: which token each row of its table is`,
    );
  if (name !== "bert-tiny" && untied)
    throw new InputError(
      `--untied: expected for bert-tiny only; the output layer of ${name} is as in the file`,
    );
  const sentence = await readText(text);
  const tokenizer = await readVocabulary(vocabulary, { sentence, lowerCase: !cased });
  const tokens = tokenizer.encode(sentence);
  if (tokens.length === 0)
    throw new InputError(`TEXT: ${JSON.stringify(sentence)} has no token; expected a sentence`);
  if (name === "bert-tiny" && tokens.length + 2 > longestText)
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
  const model = await makeModel(name, {
    tokens: textTokens(sentence, tokenizer).length,
    vocabulary: tokenizer.vocabulary.length,
    tied: !untied,
  });
  const { isClassifier } = await readTextStructure(model);
  if (vocabulary !== undefined) checkVocabulary(vocabulary, tokenizer, { model, name, isClassifier });
  run.signal.throwIfAborted();
  const outcome = await attackText({
    sentence,
    tokenizer,
    model,
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
  return readWordPiece(path, { lowerCase });
}

/** @throws InputError when a vocabulary is not that of a model */
function checkVocabulary(
  path: string,
  { vocabulary, idOf }: WordPiece,
  {
    model,
    name,
    isClassifier,
  }: { readonly model: TextModel; readonly name: string; readonly isClassifier: boolean },
): void {
  const rows = flat(model.parameters("float32"))[model.embeddingPath]?.shape[0] ?? 0;
  if (rows !== vocabulary.length)
    throw new InputError(
      `${path}: ${formatCount(vocabulary.length)} tokens; expected ${formatCount(rows)}, one for each row of the table of embeddings of ${name}`,
    );
  if (!isClassifier && idOf(specialTokens.mask) === undefined)
    throw new InputError(
      `${path}: the vocabulary has no ${specialTokens.mask}, which a masked language model needs`,
    );
}

/** @throws InputError in one line for a list of defences that cannot be read, or is none of a text's single gradient */
function checkDefence(text: string): void {
  let isOwn: boolean;
  try {
    const { batch, localSteps, defences } = parseDefences(text);
    const looksAtImages = defences.some(({ text: part }) => part.startsWith("soteria:"));
    isOwn = batch === undefined && localSteps === undefined && !looksAtImages;
  } catch (error) {
    throw new InputError(`--defence: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isOwn)
    throw new InputError(
      `--defence: found "${text}"; expected defences of one text's gradient: batch and local-steps mix several, and soteria looks at the pixels of images`,
    );
}
