/** What an attack is asked and what it gives back, as plain values: no run, no files. */
import type { NDArray } from "../../engine/ndarray.ts";
import type { Model, Named } from "../../models/model.ts";
import type { RandomStream } from "../../numeric/random.ts";
import type { DefencePlan } from "./defences/parse.ts";
import type { FilmState } from "./film.ts";
import type { InformedCheckpoint } from "./informed-attack.ts";
import type { MatchedImage } from "./match-images.ts";
import type { AttemptSummary, RecoveryCheckpoint } from "./recover.ts";
import type { Float } from "./shared-gradient.ts";

/**
 * How the attacker comes by the labels: `known` is told them, `infer` reads them off the gradient of the last layer
 * before the attack (iDLG), `joint` optimises them together with the images (DLG).
 */
export type LabelKnowledge = "known" | "infer" | "joint";

/**
 * How the attacker finds the inputs. `dlg`: gradients matched by L-BFGS (Zhu et al. 2019). `inverting`: their angles
 * matched by signed Adam, with total variation as a prior (Geiping et al. 2020). `informed`: the most probable image, given
 * the client's defence and that images are smooth. `linear`: read off the gradient of a fully
 * connected first layer. `closed-form`: linear equations layer by layer, through LeNet with sigmoids alone.
 */
export const attackMethods = ["dlg", "inverting", "informed", "linear", "closed-form"] as const;
export type AttackMethod = (typeof attackMethods)[number];

export interface AttackSettings {
  /** The labels themselves where the attacker knows them, one for each example. */
  readonly labels: readonly number[] | "infer" | "joint";
  /**
   * `auto` reads the inputs off a first layer that gives them; else it is `inverting` for networks with kinks such as ReLU's,
   * and for smooth ones `informed`, or `dlg` for batches, labels that are to be optimised, and several starts.
   */
  readonly method: AttackMethod | "auto";
  /** Gradient evaluations of one attempt after which no further iteration starts; the last line search may take one more. */
  readonly evaluations: number;
  /** Starts that are tried, up to the first that matches. */
  readonly restarts: number;
  readonly dtype: Float;
  /** What the client does to its gradient and to its training before it; the attacker knows it. */
  readonly plan: DefencePlan;
}

export interface AttackProgress {
  /** Gradient evaluations so far over all attempts, and their budget. */
  readonly evaluation: number;
  readonly evaluations: number;
  readonly matchingLoss: number;
}

/** What the attacker has: the network and what was shared. */
export interface GradientAttackRequest {
  readonly model: Model;
  readonly parameters: Named<NDArray>;
  /** What was shared, a tree like the parameters. */
  readonly gradient: Named<NDArray>;
  /** How many examples it is the mean of. */
  readonly examples: number;
  readonly settings: AttackSettings;
  /** Where the dummies start. */
  readonly stream: RandomStream;
  /** Attempts at a time; the result has the same bits whatever the number. */
  readonly threads?: number;
  readonly onProgress?: (progress: AttackProgress) => void;
  /** Keeps what an attack that is cut off can go on from. */
  readonly checkpoints?: AttackCheckpoints;
  readonly signal?: AbortSignal;
}

/** The client's side as well. */
export interface AttackRequest extends Omit<GradientAttackRequest, "gradient" | "examples"> {
  /** The client's private images, [N, channels, height, width] in [0, 1]. */
  readonly images: NDArray;
  /** Their labels. */
  readonly labels: readonly number[];
  /** Where the randomness of the client's defence comes from. */
  readonly noise: RandomStream;
}

/** The place of an attack's checkpoints; a `Run` is made into one. */
export interface AttackCheckpoints {
  /** The last checkpoint of the attack that is continued. */
  readonly resumed: AttackState | undefined;
  /** Whether it is time for the next. */
  due(): boolean;
  /** Copies the state before it returns. */
  keep(state: AttackState): Promise<void>;
}

/** An attack after an iteration, or after an attempt of several. */
export interface AttackState {
  readonly recovery: RecoveryCheckpoint | InformedCheckpoint;
  readonly watched: readonly WatchedAttempt[];
  readonly seconds: number;
}

/** What was seen of one attempt. */
export interface WatchedAttempt {
  /** From 0. */
  readonly attempt: number;
  /** The curve in columns: evaluations, matching losses, mean squared errors (NaN where there is no original). */
  readonly curve: readonly [Float64Array, Float64Array, Float64Array];
  readonly film: FilmState;
}

/** One point of the attack's course. */
export interface CurvePoint {
  /** Gradient evaluations so far. */
  readonly evaluation: number;
  /** What the attacker minimises. */
  readonly matchingLoss: number;
  /**
   * Mean over pixels of the squared difference from the original, in units of the full range of a pixel; of a batch, that
   * of the worst image. NaN where there is no original to compare with.
   */
  readonly meanSquaredError: number;
}

export interface Frame {
  readonly evaluation: number;
  /** [N, ...inputShape]. */
  readonly images: NDArray;
}

/** What was found from a gradient. */
export interface GradientAttackOutcome {
  /** [N, ...inputShape], as found: not clamped. */
  readonly recovered: NDArray<"float64">;
  readonly recoveredLabels: readonly number[];
  readonly labelKnowledge: LabelKnowledge;
  readonly method: AttackMethod;
  /** What methods are compared by: squared differences, or 1 − the cosine of the angle where the length is unknown. */
  readonly distance: "squared" | "cosine";
  readonly defence: DefenceKnowledge | undefined;
  /** What the attacker did, in a few words. */
  readonly attacker: string;
  /** The course of the attempt that was chosen. At least one point; evaluations ascend. */
  readonly curve: readonly CurvePoint[];
  /** The recovery at a few evaluations, ascending from the start to the end; about equally much happens between them. */
  readonly frames: readonly Frame[];
  /** The distance at the end: of squared differences as a part of the shared gradient's squared norm. Without priors. */
  readonly mismatch: number;
  /** How each attempt went; none where the inputs were read off. */
  readonly attempts: readonly AttemptSummary[];
  /** Which of them was chosen. */
  readonly chosen: number;
  /** Over all attempts. */
  readonly evaluations: number;
  /** Time of the attack alone. */
  readonly seconds: number;
  /** Why the attack ended, to follow "it ended because": "the gradients match to the last digit". */
  readonly ending: string;
  /** What the attacker had to do without, in sentences. */
  readonly notes: readonly string[];
  readonly model: {
    /** As in "LeNet with sigmoids". */
    readonly description: string;
    readonly parameters: number;
    readonly classes: number;
  };
  readonly dtype: Float;
}

/** What was found, beside the truth; images and labels found are in the order of the originals that they stand for. */
export interface AttackOutcome extends GradientAttackOutcome {
  /** [N, channels, height, width], in [0, 1]. */
  readonly originals: NDArray;
  /** The labels with which the gradient was computed. */
  readonly labels: readonly number[];
  /** How well each image was recovered, in the order of the originals. */
  readonly matches: readonly MatchedImage[];
}

/** A defence and what an attacker who knows it does about it. */
export interface DefenceKnowledge {
  /** In words, as "the smallest 50 % of each tensor pruned". */
  readonly description: string;
  /** In words; absent where the attack is the plain one. */
  readonly adaptation?: string;
}

/** Computes the gradient of images and recovers the images from it. */
export type AttackImages = (request: AttackRequest) => Promise<AttackOutcome>;
