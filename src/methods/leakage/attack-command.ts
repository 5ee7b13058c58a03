/** The command `leakage attack`: its parameters. Its work is loaded when it runs, so that help pages load nothing heavy. */
import { z } from "zod";
import { type Command, command } from "../../runs/method.ts";
import type { AttackImages } from "./attack-outcome.ts";
import { networkParameter, networkParameters } from "./network-parameters.ts";

export const attackSchema = z.object({
  images: z.array(z.string().min(1)).default([]).meta({
    description: "PNG, JPEG, WebP or TIFF images of any size",
    positional: true,
    placeholder: "IMAGE",
  }),
  gradients: z.string().min(1).optional().meta({
    description:
      "A gradient that was recorded elsewhere, instead of images: an .npz or .safetensors file with an array for each parameter of --model FILE.onnx, under its name",
    placeholder: "FILE",
  }),
  batch: z.int().min(1).max(1024).default(1).meta({
    description:
      "Examples in one gradient: images are taken in groups of so many; of --gradients, of how many it is the mean",
  }),
  label: z
    .array(z.union([z.int().min(0), z.enum(["infer", "joint"])]))
    .min(1)
    .default(["infer"])
    .meta({
      description:
        "The images' labels, as numbers that the attacker is told, or how it finds those that the seed chose: infer reads them off the gradient, joint optimises them with the images",
      placeholder: "N,...|infer|joint",
    }),
  model: networkParameter("lenet"),
  ...networkParameters,
  method: z.enum(["auto", "dlg", "inverting", "linear", "closed-form"]).default("auto").meta({
    description:
      "dlg matches gradients by L-BFGS; inverting matches their angle by signed Adam, for networks with kinks; linear reads the image off a fully connected first layer; closed-form solves LeNet layer by layer; auto takes what suits the network",
    group: "Attack",
  }),
  restarts: z.int().min(1).max(1000).default(1).meta({
    description: "Starts to try, up to the first that matches",
    group: "Attack",
  }),
  evaluations: z.int().min(1).max(10_000_000).default(4000).meta({
    description: "The most gradient evaluations from one start; the last line search may use one more",
    group: "Attack",
  }),
  dtype: z.enum(["float64", "float32"]).optional().meta({
    description:
      "Precision of the arithmetic; by default float64 for dlg, which it takes to a finer image, and float32, which is faster, for inverting",
    group: "Attack",
  }),
  defence: z.string().min(1).default("none").meta({
    description:
      "What the client does to its gradient, separated by commas: noise:gaussian:S, noise:laplacian:B, clip:NORM, dp:NORM:M, prune:RATIO, top-k:RATIO, fp16, bf16, int8, sign, soteria:RATIO; or before it, local-steps:K:RATE; the attacker knows it",
    placeholder: "LIST",
    group: "Defence",
  }),
});

export type AttackParameters = z.output<typeof attackSchema>;

/** The command around an attack that comes from outside. */
export function attackCommand(attackImages: AttackImages): Command<typeof attackSchema> {
  return command({
    summary: "Recover images from the gradient that training on them would share",
    example: "photo.png --seed 1",
    parameters: attackSchema,
    async run(parameters, run) {
      const { runAttack } = await import("./run-attack.ts");
      return runAttack({ parameters, run, attackImages });
    },
  });
}
