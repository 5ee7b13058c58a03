import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../../data/input-error.ts";
import { basicTokens, readWordPiece, specialTokens, vocabularyOfWords, wordPiece } from "./word-piece.ts";

interface Reference {
  readonly vocabulary: readonly string[];
  readonly cases: readonly {
    readonly lowerCase: boolean;
    readonly text: string;
    readonly tokens: readonly string[];
    readonly ids: readonly number[];
  }[];
}

const reference = JSON.parse(
  readFileSync(new URL("../../../../test/vectors/word-piece.json", import.meta.url), "utf8"),
) as Reference;

describe("word pieces", () => {
  it.each(reference.cases)(
    "are those of Hugging Face's tokenizer, lowerCase $lowerCase: $text",
    (example) => {
      const { lowerCase, text, tokens, ids } = example;
      const tokenizer = wordPiece(reference.vocabulary, { lowerCase });
      expect(tokenizer.tokenize(text)).toEqual(tokens);
      expect(tokenizer.encode(text)).toEqual(ids);
    },
  );

  it("are those of the tests in BERT's own code", () => {
    const vocabulary = [
      "[UNK]",
      "[CLS]",
      "[SEP]",
      "want",
      "##want",
      "##ed",
      "wa",
      "un",
      "runn",
      "##ing",
      ",",
    ];
    const tokenizer = wordPiece(vocabulary);
    expect(tokenizer.tokenize("UNwant\u00E9d,running")).toEqual([
      "un",
      "##want",
      "##ed",
      ",",
      "runn",
      "##ing",
    ]);
    expect(tokenizer.encode("UNwant\u00E9d,running")).toEqual([7, 4, 5, 10, 8, 9]);
    expect(tokenizer.tokenize("")).toEqual([]);
    expect(tokenizer.tokenize("unwantedX running")).toEqual(["[UNK]", "runn", "##ing"]);
    expect(basicTokens("ah\u535A\u63A8zz")).toEqual(["ah", "\u535A", "\u63A8", "zz"]);
    expect(basicTokens(" \tHeLLo!how  \n Are yoU?  ", { lowerCase: false })).toEqual([
      "HeLLo",
      "!",
      "how",
      "Are",
      "yoU",
      "?",
    ]);
    expect(basicTokens("H\u00E9llo")).toEqual(["hello"]);
  });

  it("take words up to the longest", () => {
    const tokenizer = wordPiece(["[UNK]", "a", "##a"], { longestWord: 3 });
    expect(tokenizer.tokenize("aaa aaaa")).toEqual(["a", "##a", "##a", "[UNK]"]);
  });

  it("go back to a readable text", () => {
    const { encode, decode, idOf } = wordPiece(reference.vocabulary);
    expect(
      decode([idOf("[CLS]") ?? 0, ...encode("The cat, unwanted (running) can't!"), idOf("[SEP]") ?? 0]),
    ).toBe("the cat, unwanted (running) can't!");
    expect(decode([idOf("the") ?? 0, idOf("[MASK]") ?? 0, 100_000])).toBe("the [MASK] [UNK]");
    expect(decode([])).toBe("");
  });

  it.each([
    [[], "the vocabulary is empty"],
    [["[UNK]", "a", "b", "a"], 'repeats the token "a" of line 2 in line 4'],
    [["a", "[UNK]", "", "b"], "has an empty token in line 3"],
    [["a", "b"], "has no [UNK] among its 2 tokens"],
  ])("refuse the vocabulary %o", (vocabulary, message) => {
    expect(() => wordPiece(vocabulary)).toThrow(message);
  });
});

describe("a vocabulary of words", () => {
  it("holds the special tokens and each word once", () => {
    const vocabulary = vocabularyOfWords(["The cat, the [MASK]!", "A cat"]);
    expect(vocabulary).toEqual([...Object.values(specialTokens), "the", "cat", ",", "!", "a"]);
    expect(wordPiece(vocabulary).tokenize("A cat!")).toEqual(["a", "cat", "!"]);
  });
});

describe("a vocabulary file", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "fallline-vocabulary-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("is read with either line ending, with or without a last one", async () => {
    for (const text of ["[UNK]\na\n##b\n", "[UNK]\r\na\r\n##b", "[UNK]\na\n##b"]) {
      const path = join(folder, "vocab.txt");
      await writeFile(path, text);
      expect((await readWordPiece(path)).vocabulary).toEqual(["[UNK]", "a", "##b"]);
    }
  });

  it.each([
    ["", "the vocabulary is empty"],
    ["[UNK]\na\na\n", 'the vocabulary repeats the token "a" of line 2 in line 3'],
    ["[UNK]\n\na\n", "the vocabulary has an empty token in line 2"],
    ["a\nb\n", "the vocabulary has no [UNK]"],
    [Uint8Array.of(0xff, 0xfe, 0x0a), "not UTF-8 text"],
  ])("is refused as %o", async (content, message) => {
    const path = join(folder, "bad.txt");
    await writeFile(path, content);
    await expect(readWordPiece(path)).rejects.toThrow(InputError);
    await expect(readWordPiece(path)).rejects.toThrow(`${path}: ${message}`);
  });

  it("is refused where there is none", async () => {
    await expect(readWordPiece(join(folder, "none.txt"))).rejects.toThrow("there is no such file");
  });
});
