import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import { sizeOf } from "../../engine/shape.ts";
import type { Model, Named } from "../../models/model.ts";
import type { RandomStream } from "../../numeric/random.ts";
import { runAttempt } from "./attempt.ts";
import type { Effect, Gradient } from "./defences/defence.ts";
import { compileMatching, type MatchingRequest } from "./gradient-matching.ts";
import { type Misfit, misfitOf } from "./likelihood.ts";
import type { Float } from "./shared-gradient.ts";

/** An attacker who knows the defence and what images look like. */

export interface InformedAttackRequest {
  readonly model: Model;
  readonly parameters: Named<NDArray>;
  /** What was shared. */
  readonly gradient: Gradient;
  readonly label: number;
  /** What the client's defences do, in their order. */
  readonly effects: readonly Effect[];
  /** Draws the start. */
  readonly stream: RandomStream;
  readonly dtype: Float;
  /** The most gradient evaluations. */
  readonly evaluations: number;
  readonly signal?: AbortSignal;
}

export interface InformedAttack {
  /** [1, ...inputShape] in [0, 1]. */
  readonly images: NDArray<"float64">;
  readonly evaluations: number;
  readonly status: string;
  /** What was matched, and what was assumed of images. */
  readonly words: string;
}

/** The misfit, relative to its scale, at which gradients without errors match. */
const matched = 1e-9;
/** Neighbouring pixels differ by numbers with a Laplace distribution of this scale, roughly. */
const neighbourScale = 0.1;
/** In a search with a prior, gradients that have nothing in common cost so much more than a total variation of 1. */
const searchWeight = 4000;
/** Of the evaluations, what such a search may take before the prior is dropped. */
const searchShare = 0.3;

/**
 * Recovers an image from a defended gradient: the most probable one, given what was sent and that images are smooth and
 * lie in [0, 1]. It minimises −log p(g* | x) + TV(x) / scale by L-BFGS, from grey with a little noise. Where the defence adds
 * no errors, the prior guides a first search only, and is dropped or becomes light.
 *
 * @throws RangeError when the gradient is not of these parameters or the label no class
 * @throws the signal's reason when it is aborted
 */
export async function informedAttack(request: InformedAttackRequest): Promise<InformedAttack> {
  const { model, parameters, gradient, label, effects, stream, dtype, evaluations, signal } = request;
  const shape = [1, ...model.inputShape];
  const pixels = sizeOf(shape);
  let x: Float64Array = stream.normal(pixels, 0.5, 0.1);
  let used = 0;
  let status = "max-iterations";
  const misfit = misfitOf(effects, gradient);
  const stages = stagesOf(misfit, pixels);
  for (const stage of stages) {
    const budget = Math.max(1, Math.round(stage.share * evaluations) - (stage.share === 1 ? used : 0));
    const matching = await compileMatching({
      model,
      parameters,
      gradient,
      examples: 1,
      labels: [label],
      dtype,
      misfit: stage.misfit,
      priors: stage.priors,
    });
    try {
      const result = await runAttempt(
        matching.objective,
        x,
        {
          optimizer: "lbfgs",
          evaluations: budget,
          learningRate: 1,
          pixels,
          enough: stage.enough,
          patience: stage.patience,
        },
        signal === undefined ? {} : { signal },
      );
      if (result.status === "aborted") signal?.throwIfAborted();
      x = result.x;
      used += result.evaluations;
      status = result.status;
    } finally {
      await matching.dispose();
    }
  }
  return {
    images: ndarray(
      x.map((value) => Math.min(1, Math.max(0, value))),
      shape,
      "float64",
    ),
    evaluations: used,
    status,
    words: `${misfit.words}; ${stages.length === 1 ? "smooth images" : misfit.known < 1.5 * pixels ? "smooth images, then less so" : "smooth images at first"}`,
  };
}

interface Stage {
  readonly misfit: NonNullable<MatchingRequest["misfit"]>;
  readonly priors: NonNullable<MatchingRequest["priors"]>;
  /** Of the evaluations: by itself, or, if 1, all that are left. */
  readonly share: number;
  readonly enough: number;
  readonly patience: number;
}

function stagesOf(misfit: Misfit, pixels: number): Stage[] {
  const priors = { totalVariation: 1, smoothing: 0.01, box: 1 };
  const scaled =
    (weight: number): Stage["misfit"] =>
    (found, shared) =>
      misfit.of(found, shared).mul(weight);
  if (misfit.isInNats) {
    // The total variation is a mean over the pixels, the prior's logarithm a sum over them.
    return [{ misfit: scaled(neighbourScale / pixels), priors, share: 1, enough: 0, patience: 80 }];
  }
  const weight = searchWeight / misfit.scale;
  const search = { misfit: scaled(weight), priors, share: searchShare, enough: 0, patience: 80 };
  // With fewer equations than unknowns the prior has to say the rest.
  if (misfit.known < 1.5 * pixels)
    return [search, { ...search, misfit: scaled(30 * weight), share: 1, patience: 150 }];
  return [search, { misfit: misfit.of, priors: {}, share: 1, enough: matched * misfit.scale, patience: 300 }];
}
