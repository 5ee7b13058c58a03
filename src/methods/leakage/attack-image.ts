import { castArray, type NDArray, ndarray } from "../../engine/ndarray.ts";
import { sizeOf } from "../../engine/shape.ts";
import * as tree from "../../engine/tree.ts";
import { lenet } from "../../models/lenet.ts";
import { type Model, parameterAt } from "../../models/model.ts";
import { adaptationTo } from "./adaptation.ts";
import {
  type AttackedModel,
  type AttackOutcome,
  type AttackRequest,
  type AttackState,
  type CurvePoint,
  type Frame,
  modelInputs,
} from "./attack-outcome.ts";
import { applyDefences, parseDefences } from "./defences/parse.ts";
import { createFilm } from "./film.ts";
import { meanSquaredError, peakSignalToNoiseRatio, structuralSimilarity } from "./image-metrics.ts";
import { inferLabel } from "./infer-labels.ts";
import { recover } from "./recover.ts";
import { sharedGradient } from "./shared-gradient.ts";

const models: Record<AttackedModel, () => Model> = { lenet: () => lenet({ channels: modelInputs.lenet[0] }) };

/**
 * The matching loss, relative to the shared gradient's squared norm, at which the command is content. The pixels' mean
 * squared error is then about 1e-7 for the networks here: a tenth of a grey level of 255.
 */
const content = 1e-10;
/** Frames of the film strip, the start and the end included. */
const frameCount = 8;

/**
 * One attack from end to end, for a demonstration or an audit: plays the client, who computes the gradient of the image
 * in a randomly initialised network, then the attacker, who sees the network and the gradient alone, then the judge, who
 * compares with the original.
 *
 * Three streams spawned from the given one draw the network's parameters, the label where none is given, and the start.
 *
 * @throws RangeError when the label is not a class of the model
 * @throws the signal's reason when it is aborted
 */
export async function attackImage({
  image,
  parameters: asked,
  stream,
  onProgress,
  checkpoints,
  signal,
}: AttackRequest): Promise<AttackOutcome> {
  const { dtype, evaluations } = asked;
  const model = models[asked.model]();
  const [weightStream, labelStream, startStream] = stream.spawn(3);
  if (weightStream === undefined || labelStream === undefined || startStream === undefined)
    throw new Error("spawn(3) gives three streams");

  const parameters = model.init(weightStream, dtype);
  const label =
    typeof asked.label === "number" ? asked.label : (labelStream.integers(1, 0, model.classes)[0] ?? 0);
  const x = castArray(ndarray(image.data, [1, ...image.shape], "float64"), dtype);
  const plan = parseDefences(asked.defence ?? "none");
  if (plan.batch !== undefined || plan.localSteps !== undefined)
    throw new RangeError(`${plan.text}: one gradient of one image is attacked here; mixing needs recover()`);
  const exact = await sharedGradient({ model, parameters, x, labels: [label], dtype });
  const [noiseStream = stream] = stream.spawn(1);
  const gradient = await applyDefences(exact, plan.defences, {
    stream: noiseStream,
    client: { model, parameters, x },
  });
  const adapted = adaptationTo(plan);

  const labelKnowledge = typeof asked.label === "number" ? "known" : asked.label;
  const knownLabel = labelKnowledge === "known" ? label : inferLabel(parameterAt(gradient, "fc.bias"));
  const resumed = checkpoints?.resumed;
  const judge = judgeOf(image, resumed);
  const started = performance.now();
  const secondsSoFar = (): number => (resumed?.seconds ?? 0) + (performance.now() - started) / 1000;
  const recovery = await recover({
    model,
    parameters,
    gradient,
    stream: startStream,
    dtype,
    evaluations,
    tolerance: content,
    ...adapted.options,
    ...(labelKnowledge !== "joint" && { labels: [knownLabel] }),
    ...(signal && { signal }),
    onStep: ({ evaluation, matchingLoss, images }) => {
      judge.look(evaluation, matchingLoss, images);
      onProgress?.({ evaluation, evaluations, matchingLoss });
    },
    ...(resumed && { from: resumed.recovery }),
    onCheckpoint: (recovery) =>
      checkpoints?.due()
        ? checkpoints.keep({ recovery, ...judge.state(), seconds: secondsSoFar() })
        : undefined,
  });
  const seconds = secondsSoFar();
  const recovered = ndarray(recovery.images.data, image.shape, "float64");
  return {
    original: image,
    recovered,
    label,
    recoveredLabel: recovery.labels[0] ?? 0,
    labelKnowledge,
    ...(plan.defences.length > 0 && {
      defence: {
        description: plan.description,
        distance: adapted.distance,
        ...(adapted.words !== undefined && { adaptation: adapted.words }),
      },
    }),
    curve: judge.curve,
    frames: judge.frames(recovery.start, recovery.evaluations, recovered),
    evaluations: recovery.evaluations,
    seconds,
    meanSquaredError: meanSquaredError(image, recovered),
    psnr: peakSignalToNoiseRatio(image, recovered),
    ssim: structuralSimilarity(image, recovered),
    ending: endings[recovery.status] ?? recovery.reason,
    model: {
      description: model.description,
      parameters: tree.leaves(parameters).reduce((total, { shape }) => total + sizeOf(shape), 0),
      classes: model.classes,
    },
    dtype,
  };
}

/** Why an attack ended, to follow "it ended because". */
const endings: Partial<Record<Awaited<ReturnType<typeof recover>>["status"], string>> = {
  matched: "the gradients match",
  "max-evaluations": "its budget of gradient evaluations was spent",
  // An iteration takes one evaluation at least, and `recover` allows as many of them.
  "max-iterations": "its budget of gradient evaluations was spent",
  "no-descent": "no step made the gradients match better",
  "change-tolerance": "no step made the gradients match better",
  "gradient-tolerance": "the gradients match to the last digit",
};

interface Judge {
  look(evaluation: number, matchingLoss: number, pixels: Float64Array): void;
  readonly curve: readonly CurvePoint[];
  frames(start: NDArray<"float64">, evaluations: number, recovered: NDArray<"float64">): Frame[];
  state(): Pick<AttackState, "curve" | "film">;
}

/** Watches an attack with the original in hand; the attack knows nothing of it. */
function judgeOf(original: NDArray<"float64">, resumed: AttackState | undefined): Judge {
  const [evaluations = [], losses = [], errors = []] = resumed?.curve ?? [];
  const curve = Array.from(
    evaluations,
    (evaluation, i): CurvePoint => ({
      evaluation,
      matchingLoss: losses[i] ?? Number.NaN,
      meanSquaredError: errors[i] ?? Number.NaN,
    }),
  );
  const film = createFilm({ shape: original.shape, frames: frameCount, from: resumed?.film });
  return {
    curve,
    look(evaluation, matchingLoss, pixels) {
      curve.push({
        evaluation,
        matchingLoss,
        meanSquaredError: meanSquaredError(original, ndarray(pixels, original.shape, "float64")),
      });
      film.look(evaluation, pixels);
    },
    frames: (start, evaluation, recovered) => film.cut(start.data, { evaluation, pixels: recovered.data }),
    state: () => ({
      curve: [
        Float64Array.from(curve, (point) => point.evaluation),
        Float64Array.from(curve, (point) => point.matchingLoss),
        Float64Array.from(curve, (point) => point.meanSquaredError),
      ],
      film: film.state(),
    }),
  };
}
