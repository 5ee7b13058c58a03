/** The command `leakage text`: its parameters, and what it needs from outside so that help pages load nothing heavy. */
import { z } from "zod";
import { type Command, command } from "../../../runs/method.ts";
import type { AttackText } from "./outcome.ts";
import type { MakeTextModel } from "./run.ts";

export const textSchema = z.object({
  text: z.string().min(1).meta({
    description: "a sentence in quotes, or a UTF-8 text file",
    positional: true,
    placeholder: "TEXT",
  }),
  model: z
    .string()
    .refine((name) => name === "bert-tiny" || /\.onnx$/i.test(name), {
      error: "expected bert-tiny or a file that ends in .onnx",
    })
    .default("bert-tiny")
    .meta({
      description:
        "The model whose gradient is shared: bert-tiny, a masked language model with random parameters, or a masked language model or classifier of texts in an ONNX file, with the file's",
      placeholder: "bert-tiny|FILE.onnx",
    }),
  vocabulary: z.string().min(1).optional().meta({
    description:
      "BERT's vocab.txt, one token a line, as many as the table of a model from a file has rows; without it, for bert-tiny only, a demonstration with the text's own words and 300 common ones",
    placeholder: "FILE",
  }),
  cased: z
    .boolean()
    .default(false)
    .meta({ description: "Keep capitals and accents, as vocabularies of cased models need" }),
  untied: z.boolean().default(false).meta({
    description:
      "Give bert-tiny's output layer a table of its own; BERT uses that of the embeddings for both",
  }),
  defence: z.string().min(1).default("none").meta({
    description:
      "What the client does to its gradient, separated by commas: noise:gaussian:S, noise:laplacian:B, clip:NORM, dp:NORM:M, prune:RATIO, top-k:RATIO, fp16, bf16, int8, sign; the attacker knows it",
    placeholder: "LIST",
  }),
  masked: z
    .number()
    .min(0)
    .max(1)
    .default(0.15)
    .meta({ description: "The part of the tokens that is masked, at least one token" }),
  labels: z.enum(["infer", "known", "joint"]).default("infer").meta({
    description:
      "How the matching attack finds the masked tokens: infer reads a single one off the gradient, known is told them, joint optimises them",
  }),
  distance: z.enum(["l2", "cosine", "tag"]).default("l2").meta({
    description:
      "What the matching attack minimises: squared differences (DLG), angles (LAMP), squared and absolute differences (TAG)",
  }),
  optimizer: z
    .enum(["lbfgs", "adam"])
    .default("lbfgs")
    .meta({ description: "How it minimises: L-BFGS with a line search, or Adam with a decaying step" }),
  iterations: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(300)
    .meta({ description: "Iterations of the matching attack from each start; 0 leaves it out" }),
  starts: z.int().min(1).max(1000).default(1).meta({
    description: "Starts of the matching attack; the one with the smallest matching loss counts",
  }),
  reorderings: z.int().min(0).max(1000).default(4).meta({
    description: "Rounds in which the matching attack puts its tokens in order by the matching loss",
  }),
  dtype: z
    .enum(["float64", "float32"])
    .default("float64")
    .meta({ description: "Precision of the client's gradient and of the attack" }),
});

export type TextCommandParameters = z.output<typeof textSchema>;

export interface TextCommandParts {
  readonly attackText: AttackText;
  /** Loads the models when the command runs, so that help pages need not. */
  readonly loadModels: () => Promise<MakeTextModel>;
}

/** The command around an attack that comes from outside. */
export function textCommand({ attackText, loadModels }: TextCommandParts): Command<typeof textSchema> {
  return command({
    summary: "Recover a text from the gradient that training a language model on it would share",
    example: '"The patient has a rare disease." --seed 1',
    parameters: textSchema,
    async run(parameters, run) {
      const { runText } = await import("./run.ts");
      return runText({ parameters, run, attackText, makeModel: await loadModels() });
    },
  });
}
