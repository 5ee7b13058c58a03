import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseHTML } from "linkedom";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InputError } from "../../../data/input-error.ts";
import { executeCommand } from "../../../runs/execute.ts";
import { defineMethod } from "../../../runs/method.ts";
import { parseParameters } from "../../../runs/parameters.ts";
import { attackText } from "./attack.ts";
import { makeTextModel } from "./attacked-models.ts";
import { textCommand } from "./command.ts";
import { type EncoderOptions, smallEncoder } from "./encoder.testing.ts";
import type { AttackText } from "./outcome.ts";
import type { MakeTextModel } from "./run.ts";

const sentence = "The patient has a rare disease.";

const vectors = (name: string): string =>
  fileURLToPath(new URL(`../../../../test/vectors/text-models/${name}`, import.meta.url));

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fallline-text-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const small =
  (options: Partial<EncoderOptions> = {}): MakeTextModel =>
  async (_, { tokens, vocabulary, tied }) =>
    smallEncoder({ length: tokens, vocabularySize: vocabulary, tied, ...options });

interface Settings {
  readonly attack?: AttackText;
  readonly makeModel?: MakeTextModel;
  readonly signal?: AbortSignal;
}

async function runText(values: Record<string, unknown>, settings: Settings = {}) {
  const { attack = attackText, makeModel = small(), signal } = settings;
  const definition = textCommand({ attackText: attack, loadModels: async () => makeModel });
  const method = defineMethod({
    name: "leakage",
    title: "Deep leakage from gradients",
    question: "What does a shared gradient give away?",
    source: { authors: "Zhu, Liu, Han", title: "Deep Leakage from Gradients", venue: "NeurIPS", year: 2019 },
    commands: { text: definition },
  });
  return executeCommand({
    method,
    commandName: "text",
    parameters: parseParameters(definition.parameters, { text: sentence, iterations: 0, ...values }),
    options: { seed: 5, threads: 1, out: join(folder, "run") },
    ...(signal && { signal }),
  });
}

const never: AttackText = () => Promise.reject(new Error("attacked"));

describe("leakage text", () => {
  it("recovers a sentence and says how, in words, tables and values", async () => {
    const { folder: path, result, notes } = await runText({ iterations: 40 });
    expect(result.answer).toMatch(
      /^The whole text was recovered from its gradient: “the patient has a rare disease\.” The attacker can be sure/,
    );
    expect(result.answer).toContain(
      "7 of 7 tokens from the embedding tables, 7 of 7 tokens from the span check",
    );
    expect(result.values).toMatchObject({
      confirmed: true,
      wordOrder: { status: "recovered", tokenAccuracy: 1 },
      spanCheck: { status: "recovered", rougeL: 1 },
      bagOfWords: { status: "exact", recall: 1, precision: 1 },
    });
    expect(notes.join(" ")).toContain("No vocabulary was given: this demonstration has one of");
    const table = readFileSync(join(path, "tables/tokens.csv"), "utf8").trimEnd().split("\n");
    expect(table[0]).toBe("position,original,masked,embedding tables,span check,matching");
    expect(table).toHaveLength(1 + 9);
    expect(table.slice(1).filter((line) => line.includes(",masked,"))).toHaveLength(1);
    expect(table[2]).toMatch(/^1,the,(masked)?,the,the,/);
    expect(existsSync(join(path, "figures/accuracy.svg"))).toBe(true);
    expect(readFileSync(join(path, "metrics.jsonl"), "utf8").trimEnd().split("\n")).toSatisfy(
      (lines: string[]) => lines.length >= 40,
    );
    const { document } = parseHTML(readFileSync(join(path, "report.html"), "utf8"));
    expect(document.querySelectorAll("table").length).toBeGreaterThanOrEqual(2);
    expect(document.querySelector(".notes")?.textContent).toContain("with random parameters");
  });

  it.each([
    ["masked-lm", {}, "rare disease"],
    ["tied-masked-lm", {}, "rare disease"],
    ["text-classifier", {}, "The text's class was read off too"],
    ["masked-lm", { defence: "prune:0.7" }, "the gradient that was shared, defended as it was"],
  ])(
    "recovers a sentence from the gradient of a model that PyTorch exported: %s %o",
    async (name, values, words) => {
      const { result, notes } = await runText(
        { model: vectors(`${name}.onnx`), vocabulary: vectors("vocabulary.txt"), ...values },
        { makeModel: makeTextModel },
      );
      expect(result.answer).toMatch(
        /^The whole text was recovered from its gradient: “the patient has a rare disease\.”/,
      );
      expect(result.answer).toContain("The attacker can be sure of it");
      expect(result.answer).toContain(words);
      expect(result.values).toMatchObject({ confirmed: true, bagOfWords: { recall: 1 } });
      expect(notes.join(" ")).not.toContain("random parameters");
    },
  );

  it("refuses models and vocabularies that do not go together, before it attacks", async () => {
    const vocabulary = join(folder, "short.txt");
    await writeFile(vocabulary, "[UNK]\n[MASK]\nthe\n");
    const image = fileURLToPath(new URL("../classifiers/lenet-sigmoid.onnx", `file://${vectors("")}`));
    for (const [values, message] of [
      [{ model: vectors("masked-lm.onnx") }, "--vocabulary: expected a file"],
      [{ model: vectors("masked-lm.onnx"), vocabulary }, `${vocabulary}: 3 tokens; expected 61`],
      [{ model: image, vocabulary }, 'its input "image" is float32 [batch, 3, 32, 32]'],
      [
        { model: vectors("masked-lm.onnx"), vocabulary: vectors("vocabulary.txt"), text: "the ".repeat(20) },
        "it takes texts of 16 tokens; this one has 22",
      ],
      [
        { model: vectors("masked-lm.onnx"), vocabulary: vectors("vocabulary.txt"), untied: true },
        "--untied: expected for bert-tiny only",
      ],
    ] as const)
      await expect(runText(values, { attack: never, makeModel: makeTextModel })).rejects.toThrow(message);
  });

  it("says so where methods fail", async () => {
    const { result, notes } = await runText({ untied: true }, { makeModel: small({ layers: 1, width: 8 }) });
    expect(result.values).toMatchObject({ spanCheck: { status: "refused" } });
    expect(notes.join(" ")).toContain("no proof of safety");
    expect(result.answer).toContain("0 of 7 tokens from the span check");
  });

  it("reads a text file and a vocabulary file", async () => {
    const text = join(folder, "letter.txt");
    const vocabulary = join(folder, "vocab.txt");
    await writeFile(text, "Unwanted, running rabbits\n");
    const pieces = [
      "[PAD]",
      "[UNK]",
      "[CLS]",
      "[SEP]",
      "[MASK]",
      "un",
      "##want",
      "##ed",
      "runn",
      "##ing",
      ",",
    ];
    await writeFile(vocabulary, [...pieces, ..."abcdefghijklmnopqrstuvwxyz"].join("\n"));
    const { result, notes } = await runText({ text, vocabulary });
    expect(result.values.tokens).toEqual([
      "[CLS]",
      "un",
      "##want",
      "##ed",
      ",",
      "runn",
      "##ing",
      "[UNK]",
      "[SEP]",
    ]);
    expect(notes.join(" ")).toContain("1 of 7 tokens are not in the vocabulary");
    expect(notes.join(" ")).not.toContain("No vocabulary was given");
    expect(result.answer).toContain("“unwanted, running [UNK]”");
  });

  it.each([
    [{ text: "letter.txt" }, "letter.txt: there is no such file; a sentence has spaces"],
    [{ text: " " }, 'TEXT: " " has no token; expected a sentence'],
    [{ text: "a ".repeat(511) }, "TEXT: 511 tokens; the model takes up to 510 besides [CLS] and [SEP]"],
    [{ vocabulary: "none.txt" }, "none.txt: there is no such file; expected a vocabulary, one token a line"],
    [{ model: "gpt" }, '--model: expected bert-tiny or a file that ends in .onnx, found "gpt"'],
    [{ defence: "prune:much" }, '--defence: defence prune:much: "much" is not a number'],
    [
      { defence: "soteria:0.1" },
      '--defence: found "soteria:0.1"; expected defences of one text\'s gradient: batch and local-steps mix several, and soteria looks at the pixels of images',
    ],
    [{ masked: 1.5 }, "--masked: expected a number from 0 to 1, found 1.5"],
    [{ distance: "l1" }, '--distance: expected one of l2, cosine, tag, found "l1"'],
  ])("refuses %o before it attacks", async (values, message) => {
    await expect(runText(values, { attack: never })).rejects.toThrow(new InputError(message));
    expect(existsSync(join(folder, "run"))).toBe(false);
  });

  it("refuses files that are no text, and vocabularies without what a masked model needs", async () => {
    const binary = join(folder, "binary.txt");
    await writeFile(binary, Uint8Array.of(0xff, 0xfe));
    await expect(runText({ text: binary }, { attack: never })).rejects.toThrow(`${binary}: not UTF-8 text`);
    await expect(runText({ text: folder }, { attack: never })).rejects.toThrow("not a file");
    const large = join(folder, "large.txt");
    await writeFile(large, "word ".repeat(20_000));
    await expect(runText({ text: large }, { attack: never })).rejects.toThrow("100,000 bytes");
    const vocabulary = join(folder, "words.txt");
    await writeFile(vocabulary, "[UNK]\n[CLS]\n[SEP]\nthe\n");
    await expect(runText({ vocabulary }, { attack: never })).rejects.toThrow("the vocabulary has no [MASK]");
  });

  it("ends when it is interrupted", async () => {
    const controller = new AbortController();
    const interrupting: AttackText = (request) => {
      controller.abort(new Error("stop"));
      return attackText(request);
    };
    await expect(runText({}, { attack: interrupting, signal: controller.signal })).rejects.toThrow("stop");
  });
});
