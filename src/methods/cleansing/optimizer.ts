import { adam, adamW } from "../../training/adam.ts";
import type { Optimizer } from "../../training/optimizer.ts";
import { sgd } from "../../training/sgd.ts";
import type { DataParameters } from "./data-parameters.ts";

/**
 * The optimiser that parameters name. Its weight decay acts once a step, whichever rows are in the batch; `adam` has it
 * in the gradient, `adamw` beside it.
 */
export function optimizerOf({
  optimizer,
  momentum,
  weightDecay,
}: Pick<DataParameters, "optimizer" | "momentum" | "weightDecay">): Optimizer {
  const decay = weightDecay === undefined ? {} : { weightDecay };
  switch (optimizer) {
    case "sgd":
      return sgd(decay);
    case "momentum":
      return sgd({ momentum, ...decay });
    case "nesterov":
      return sgd({ momentum, nesterov: true, ...decay });
    case "adam":
      return adam(decay);
    case "adamw":
      return adamW(decay);
  }
}
