import { z } from "zod";

/**
 * The networks that `--model` names. They take 3 x 32 x 32 images and have 100 classes, as for CIFAR-100; lenet-grey takes
 * 1 x 28 x 28 ones and has 10, as for MNIST.
 */
export const attackedNetworks = [
  "lenet",
  "lenet-grey",
  "logistic",
  "mlp",
  "cnn",
  "vgg11",
  "resnet18",
  "resnet20",
] as const;

const group = "Network";

/** What commands ask of the network whose gradient is shared; `openAttackedModel` reads it. */
export const networkParameters = {
  activation: z.enum(["sigmoid", "tanh", "relu", "gelu", "softplus"]).optional().meta({
    description: "Activation of a named network; by default sigmoid for the LeNets and relu for the others",
    group,
  }),
  mean: z.array(z.number()).min(1).optional().meta({
    description:
      "What the client takes off each channel before the network: one number for each, or one for all",
    placeholder: "N,...",
    group,
  }),
  deviation: z.array(z.number().positive()).min(1).optional().meta({
    description: "What the client then divides each channel by",
    placeholder: "N,...",
    group,
  }),
};

/** The network itself, by name or by file. */
export function networkParameter(fallback: string) {
  return z
    .string()
    .min(1)
    .default(fallback)
    .meta({
      description: `The network whose gradient is shared: a file that PyTorch or another exported, with its parameters, or one with random ones: ${attackedNetworks.join(", ")}`,
      placeholder: "NAME|FILE.onnx",
      group,
    });
}
