/**
 * The folder of a training that another framework did, or that others are to look at:
 *
 * - `training.json`: {@link trajectorySchema};
 * - `states.npy` [steps + 1, P]: the parameters before every step and at the end, flat in the model's order (layer by layer,
 *   weight [out, in] row by row, then bias: PyTorch's `parameters_to_vector(model.parameters())`); or [1, P], the first alone,
 *   from which the others are computed; or a file `state-<step>.npy` [P] for each. float32 or float64, as the training was;
 * - `x.npy` [rows, ...], `y.npy` [rows]: the training data, labels as integers;
 * - with `"batches": "batches.npy"` [steps, rows of a batch]: row numbers from 0, -1 after the last of a short batch;
 * - with `"learningRates": "learning-rates.npy"` [steps].
 *
 * In PyTorch:
 *
 *     states, batches = [parameters_to_vector(model.parameters()).detach().numpy().copy()], []
 *     for rows in loader:                                   # batches of row numbers
 *         optimizer.zero_grad()
 *         cross_entropy(model(x[rows]), y[rows]).backward() # the mean over the batch
 *         optimizer.step()
 *         batches.append(rows.tolist())
 *         states.append(parameters_to_vector(model.parameters()).detach().numpy().copy())
 *     np.save("states.npy", np.stack(states)); np.save("x.npy", x); np.save("y.npy", y)
 *     json.dump({"format": "fallline trajectory 1", "steps": len(batches), "batches": batches, "learningRates": 0.1,
 *                "stepsPerEpoch": len(loader), "optimizer": {"kind": "sgd", "momentum": 0.9}}, open("training.json", "w"))
 */
import { z } from "zod";
import { adam, adamW } from "../../training/adam.ts";
import type { Optimizer } from "../../training/optimizer.ts";
import { sgd } from "../../training/sgd.ts";

const fromZero = z.number().min(0);

const adamSettings = {
  beta1: fromZero.exactOptional(),
  beta2: fromZero.exactOptional(),
  epsilon: fromZero.exactOptional(),
  weightDecay: fromZero.exactOptional(),
};

const optimizerSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("sgd"),
    momentum: fromZero.exactOptional(),
    dampening: fromZero.exactOptional(),
    nesterov: z.boolean().exactOptional(),
    weightDecay: fromZero.exactOptional(),
  }),
  z.strictObject({ kind: z.literal("adam"), ...adamSettings }),
  z.strictObject({ kind: z.literal("adamw"), ...adamSettings }),
]);

/** An optimiser by its name in files, with the settings that {@link sgd}, {@link adam} and {@link adamW} have. */
export type OptimizerSettings = z.infer<typeof optimizerSchema>;

/** What `training.json` holds. */
export const trajectorySchema = z.strictObject({
  format: z.literal("fallline trajectory 1"),
  steps: z.int().min(1),
  stepsPerEpoch: z.int().min(1).exactOptional(),
  optimizer: optimizerSchema,
  /** lambda of lambda/2 |parameters|² in the loss of every row; a penalty of the whole is the optimiser's weightDecay. */
  rowPenalty: fromZero.exactOptional(),
  /** Of every step, or one for all. */
  learningRates: z.union([z.literal("learning-rates.npy"), z.number(), z.array(z.number())]),
  batches: z.union([z.literal("batches.npy"), z.array(z.array(z.int().min(0)).min(1))]),
});

export type TrajectoryDescription = z.infer<typeof trajectorySchema>;

/** @throws RangeError when a setting is out of range */
export function optimizerOfSettings(settings: OptimizerSettings): Optimizer {
  switch (settings.kind) {
    case "sgd":
      return sgd(settings);
    case "adam":
      return adam(settings);
    case "adamw":
      return adamW(settings);
  }
}

/** Where a state of its own file lies. */
export function stateFile(step: number): string {
  return `state-${step}.npy`;
}
