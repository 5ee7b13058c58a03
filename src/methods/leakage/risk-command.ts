/** The command `leakage risk`: its parameters. Its work is loaded when it runs, so that help pages load nothing heavy. */
import { z } from "zod";
import { type Command, command } from "../../runs/method.ts";
import { networkParameter, networkParameters } from "./network-parameters.ts";

export const riskSchema = z.object({
  image: z.string().min(1).meta({
    description: "a PNG, JPEG, WebP or TIFF image of any size",
    positional: true,
    placeholder: "IMAGE",
  }),
  model: networkParameter("lenet-grey"),
  ...networkParameters,
  noise: z
    .number()
    .min(1e-12)
    .max(1e6)
    .default(1e-3)
    .meta({ description: "Standard deviation of the Gaussian noise that the client adds to every entry" }),
  label: z
    .int()
    .min(0)
    .optional()
    .meta({ description: "The image's label, which the attacker is told; by default the seed chooses one" }),
  draws: z.int().min(0).max(1000).default(4).meta({
    description: "Attacks that are measured, each on a gradient with noise of its own; 0 leaves them out",
  }),
  evaluations: z.int().min(1).max(10_000_000).default(6000).meta({
    description:
      "The most gradient evaluations of one attack, which ends earlier where it stands still; colour images take about 5000",
  }),
});

export type RiskParameters = z.output<typeof riskSchema>;

export function riskCommand(): Command<typeof riskSchema> {
  return command({
    summary: "Predict how well an image can be recovered from its noised gradient, and measure it",
    example: "photo.png --noise 1e-3",
    parameters: riskSchema,
    async run(parameters, run) {
      const { runRisk } = await import("./risk-run.ts");
      return runRisk(parameters, run);
    },
  });
}
