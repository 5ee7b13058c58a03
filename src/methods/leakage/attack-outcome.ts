/** What an attack is asked and what it gives back, as plain values: no run, no files. */
import type { NDArray } from "../../engine/ndarray.ts";
import type { RandomStream } from "../../numeric/random.ts";
import type { AttemptCheckpoint } from "./attempt.ts";
import type { FilmState } from "./film.ts";

/**
 * How the attacker comes by the label: `known` is told it, `infer` reads it off the gradient of the last layer's
 * bias before the attack (iDLG), `joint` optimises it together with the image (DLG).
 */
export type LabelKnowledge = "known" | "infer" | "joint";

export interface AttackParameters {
  readonly model: AttackedModel;
  /** The label itself where the attacker knows it. */
  readonly label: number | "infer" | "joint";
  /** Gradient evaluations after which no further iteration starts; the last line search may take one more. */
  readonly evaluations: number;
  readonly dtype: "float64" | "float32";
  /** What the client does to its gradient, as `parseDefences` reads it; nothing by default. */
  readonly defence?: string;
}

/** A defence and what an attacker who knows it does about it. */
export interface DefenceKnowledge {
  /** In words, as "the smallest 50 % of each tensor pruned". */
  readonly description: string;
  /** In words; absent where the attack is the plain one. */
  readonly adaptation?: string;
  /** What the attacker minimised. */
  readonly distance: "squared" | "cosine";
}

export const attackedModels = ["lenet"] as const;
export type AttackedModel = (typeof attackedModels)[number];

/** The image shape that each model takes: `[channels, height, width]`. */
export const modelInputs = { lenet: [3, 32, 32] } as const satisfies Record<
  AttackedModel,
  readonly [1 | 3, number, number]
>;

export interface AttackProgress {
  /** Gradient evaluations so far, and their budget. */
  readonly evaluation: number;
  readonly evaluations: number;
  readonly matchingLoss: number;
}

export interface AttackRequest {
  /** The client's private image, `[channels, height, width]` in [0, 1]. */
  readonly image: NDArray<"float64">;
  readonly parameters: AttackParameters;
  /** Where the attack's randomness comes from: it spawns streams of it, and draws nothing from it itself. */
  readonly stream: RandomStream;
  readonly onProgress?: (progress: AttackProgress) => void;
  /** Keeps what an attack that is cut off can go on from. */
  readonly checkpoints?: AttackCheckpoints;
  readonly signal?: AbortSignal;
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

/** An attack after an iteration. */
export interface AttackState {
  readonly recovery: AttemptCheckpoint;
  /** The curve in columns: evaluations, matching losses, mean squared errors. */
  readonly curve: readonly [Float64Array, Float64Array, Float64Array];
  readonly film: FilmState;
  readonly seconds: number;
}

/** One point of the attack's course. */
export interface CurvePoint {
  /** Gradient evaluations so far. */
  readonly evaluation: number;
  /** The squared distance between the two gradients, summed over all parameters; of clipped ones 1 - their cosine. */
  readonly matchingLoss: number;
  /** Mean over pixels of the squared difference from the original, in units of the full range of a pixel. */
  readonly meanSquaredError: number;
}

export interface Frame {
  readonly evaluation: number;
  /** `[channels, height, width]`. */
  readonly image: NDArray;
}

export interface AttackOutcome {
  /** `[channels, height, width]`, in [0, 1]. */
  readonly original: NDArray;
  /** `[channels, height, width]`, as optimised: not clamped. */
  readonly recovered: NDArray;
  /** The label with which the gradient was computed. */
  readonly label: number;
  /** The label that the attack ended with. */
  readonly recoveredLabel: number;
  readonly labelKnowledge: LabelKnowledge;
  /** Absent where the gradient was shared as it is. */
  readonly defence?: DefenceKnowledge;
  /** At least one point; evaluations ascend. */
  readonly curve: readonly CurvePoint[];
  /** The recovery at a few evaluations, ascending from the start to the end, about evenly spaced. */
  readonly frames: readonly Frame[];
  readonly evaluations: number;
  /** Time of the attack alone. */
  readonly seconds: number;
  readonly meanSquaredError: number;
  /** Peak signal-to-noise ratio for a peak of 1, in dB; infinite for an exact copy. */
  readonly psnr: number;
  /** Structural similarity, from -1 to 1. */
  readonly ssim: number;
  /** Why the attack ended, to follow "it ended because": "the gradients match to the last digit". */
  readonly ending: string;
  readonly model: {
    /** As in "LeNet with sigmoids". */
    readonly description: string;
    readonly parameters: number;
    readonly classes: number;
  };
  readonly dtype: "float64" | "float32";
}

/** Computes the gradient of an image and recovers the image from it. */
export type AttackImage = (request: AttackRequest) => Promise<AttackOutcome>;
