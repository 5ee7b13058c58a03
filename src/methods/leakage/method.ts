/** The face of the method: what its user can ask. */
import { z } from "zod";
import { command, defineMethod, type Method } from "../../runs/method.ts";
import { attackCommand } from "./attack-command.ts";
import type { AttackImages } from "./attack-outcome.ts";
import { networkParameter, networkParameters } from "./network-parameters.ts";
import { riskCommand } from "./risk-command.ts";
import { type TextCommandParts, textCommand } from "./text/command.ts";

const auditSchema = z.object({
  data: z.string().min(1).meta({
    description: "a folder of images, IDX or CIFAR files, or the name of a fetched data set",
    positional: true,
    placeholder: "DATA",
  }),
  model: networkParameter("lenet"),
  ...networkParameters,
  defences: z.string().min(1).default("all").meta({
    description:
      "Defences separated by semicolons, each as attack --defence takes it; all is a grid over kinds and strengths",
    placeholder: "LIST",
  }),
  samples: z.int().min(1).max(10_000).default(12).meta({ description: "Images" }),
  start: z.int().min(0).default(0).meta({ description: "The first image, counted from 0" }),
  seeds: z.int().min(1).max(1000).default(3).meta({ description: "Networks and starts for each image" }),
  evaluations: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(1500)
    .meta({ description: "The most gradient evaluations of an attack" }),
  dtype: z
    .enum(["float32", "float64"])
    .default("float32")
    .meta({ description: "Precision of the attacks' arithmetic; float64 takes twice the time" }),
  accuracy: z
    .boolean()
    .default(true)
    .meta({ description: "Whether to measure what each defence costs in accuracy, by training under it" }),
  trainImages: z.int().min(500).max(1_000_000).default(12_000).meta({
    description: "Images to train on, tune with and measure accuracy on; fewer where DATA holds fewer",
  }),
  trainSteps: z.int().min(1).max(1_000_000).default(1200).meta({ description: "Steps of a training" }),
  trainSeeds: z
    .int()
    .min(1)
    .max(100)
    .default(5)
    .meta({ description: "Trainings under each defence, beside those that choose its learning rate" }),
});

/**
 * The method around its attacks, on images and on texts. They come from outside so that help pages and lists need not load the engine.
 */
export function defineLeakage(attackImages: AttackImages, text: TextCommandParts): Method {
  return defineMethod({
    name: "leakage",
    title: "Deep leakage from gradients",
    question: "What does a shared gradient give away of my training data?",
    source: {
      authors: "Ligeng Zhu, Zhijian Liu, Song Han",
      title: "Deep Leakage from Gradients",
      venue: "NeurIPS",
      year: 2019,
      arxiv: "1906.08935",
    },
    commands: {
      attack: attackCommand(attackImages),
      audit: command({
        summary:
          "Measure what each defence keeps from an attacker who knows it, and what it costs in accuracy",
        example: "cifar-10 --samples 12 --seeds 3",
        parameters: auditSchema,
        async run(parameters, run) {
          const { runAudit } = await import("./run-audit.ts");
          return runAudit(parameters, run);
        },
      }),
      risk: riskCommand(),
      text: textCommand(text),
    },
  });
}
