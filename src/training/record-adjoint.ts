/**
 * The derivative of the end of a recorded training with respect to the weight of each row in each step: one walk
 * backwards through the record, with the transpose of the very step that trained, whatever its optimiser and clipping.
 *
 * For plain SGD it is the retracing of S. Hara, A. Nitanda, T. Maehara, "Data Cleansing for Models Trained with SGD",
 * NeurIPS 2019: one Hessian-vector product a step. For optimisers with a memory the cotangents of their state walk along,
 * as in the metagradients of L. Engstrom et al., "Optimizing ML Training with Metagradient Descent", 2025.
 */
import { InputError } from "../data/input-error.ts";
import { itemAt } from "../engine/lists.ts";
import * as op from "../engine/ops/index.ts";
import type { Tensor } from "../engine/tensor.ts";
import { vjp } from "../engine/transforms/grad.ts";
import { scan } from "../engine/transforms/scan.ts";
import { vmap } from "../engine/transforms/vmap.ts";
import * as tree from "../engine/tree.ts";
import { compileTrees } from "./compile-trees.ts";
import { type LogisticTraining, logisticTraining, walkBackLogistic } from "./logistic-training.ts";
import { type Curvature, withCurvature } from "./problem.ts";
import { internalsOf, type RecordedStep, type TrainingRecord } from "./record.ts";
import { callsAlong, readAt, stackedStep, stackOf, stackSteps, writeAt } from "./record-steps.ts";
import { replayBackward, requireStep } from "./replay.ts";
import type { Batch } from "./sampler.ts";
import { type StepperOptions, takeStep } from "./step-graph.ts";
import type { Carry } from "./stepper.ts";
import {
  arraysOf,
  mapTensors,
  type NamedArrays,
  ravelArrays,
  type TensorTree,
  tensorsOf,
  unravelArrays,
  withArrays,
  zerosOf,
} from "./trees.ts";

export interface AdjointOptions {
  /** The first step that is gone back to. Default the record's first. */
  readonly from?: number;
  /** Default `exact`. */
  readonly curvature?: Curvature;
  readonly signal?: AbortSignal | undefined;
}

/** What the walk found at a step. */
export interface StepAdjoint {
  readonly step: number;
  readonly batch: Batch;
  readonly learningRate: number;
  /**
   * For each query, the derivative of ⟨query, final parameters⟩ by the weight of each row of the batch [B], at weight 1 (or
   * that of the batch).
   */
  readonly rows: readonly Float64Array[];
  /** The norm of each query's cotangent of the parameters before the step. */
  readonly norms: readonly number[];
}

/**
 * Walks from the record's last step to its first.
 *
 * @param queries directions in which the final parameters are looked at, trees like them; they share the walk
 * @param onStep called with what was found at each step; its arrays are valid during the call
 * @returns each query's cotangent of the parameters before step `from`
 * @throws RangeError when a query does not fit the parameters or the training's rows depend on one another
 * @throws InputError when a cotangent is not finite, naming the step
 */
export async function differentiateRecord(
  record: TrainingRecord,
  queries: readonly NamedArrays[],
  onStep: (found: StepAdjoint) => void,
  { from = record.firstStep, curvature = "exact", signal }: AdjointOptions = {},
): Promise<NamedArrays[]> {
  const { stepper, store } = internalsOf(record);
  const end = await store.view(record.lastStep);
  const options = differentiableOptions(stepper.options, end, curvature);
  for (const query of queries) requireLike(query, end.parameters);
  if (queries.length === 0) throw new RangeError("differentiateRecord: there are no queries");
  requireStep(record, from);
  const logistic = await logisticTraining(record);
  if (logistic !== undefined)
    return differentiateLogistic(record, logistic, queries, onStep, { from, curvature });
  let adjoint: Adjoint = {
    parameters: stackOf(end.parameters, queries.length),
    optimizer: zerosOf(stackOf(end.optimizer, queries.length)),
  };
  for (const [i, query] of queries.entries()) writeAt(adjoint.parameters, query, i);
  // The shapes of the cotangents are the same at every step.
  const like = adjoint;
  const compile = (list: readonly RecordedStep[]): Promise<PullCall> => compilePull(options, list, like);
  for await (const { list, call } of callsAlong(record, replayBackward(record, { from }), {
    compile,
    signal,
  })) {
    const { after, rows, norms } = await call.run(list, adjoint);
    adjoint = after;
    for (const [i, { step, batch, learningRate }] of list.entries()) {
      const found = {
        step,
        batch,
        learningRate,
        rows: rows.map((each) => itemAt(each, i)),
        norms: norms.map((each) => each[i] ?? 0),
      };
      requireFinite(found);
      onStep(found);
    }
  }
  return queries.map((_, i) => readAt(adjoint.parameters, i));
}

/** The same in the loops of logistic regression. */
function differentiateLogistic(
  { firstStep, batches, learningRates }: TrainingRecord,
  training: LogisticTraining,
  queries: readonly NamedArrays[],
  onStep: (found: StepAdjoint) => void,
  { from, curvature }: { readonly from: number; readonly curvature: Curvature },
): NamedArrays[] {
  const carried = queries.map(ravelArrays);
  const walk = { from: from - firstStep, hasCurvature: curvature !== "none" };
  walkBackLogistic(training, carried, walk, (i, rows, norms) => {
    const found = {
      step: firstStep + i,
      batch: itemAt(batches, i),
      learningRate: itemAt(learningRates, i),
      rows,
      norms,
    };
    requireFinite(found);
    onStep(found);
  });
  return queries.map((query, i) => unravelArrays(query, itemAt(carried, i)));
}

type Adjoint = { readonly parameters: NamedArrays; readonly optimizer: ReturnType<typeof zerosOf> };

interface PullCall {
  run(
    list: readonly RecordedStep[],
    before: Adjoint,
  ): Promise<{ after: Adjoint; rows: Float64Array[][]; norms: number[][] }>;
  dispose(): Promise<void>;
}

/**
 * The options of the steps as derivatives are taken of them.
 *
 * @throws RangeError when rows of a batch depend on one another, or a step is not a differentiable function
 */
export function differentiableOptions(
  options: StepperOptions,
  { buffers }: Pick<Carry, "buffers">,
  curvature: Curvature,
): StepperOptions {
  if (arraysOf(buffers).length > 0)
    throw new RangeError(
      "the derivative of a training: batch normalisation makes the rows of a batch depend on one another; expected a model without it, or with group normalisation",
    );
  if (options.transformGradient !== undefined)
    throw new RangeError(
      "the derivative of a training: its gradients were transformed on the host, where nothing can be differentiated",
    );
  return { ...options, problem: withCurvature(options.problem, curvature) };
}

/** @throws RangeError when the tree is not like the parameters */
export function requireLike(query: NamedArrays, parameters: NamedArrays): void {
  const paths = tree.paths(parameters);
  const found = tree.leavesLike(parameters as unknown, query as unknown) as ReturnType<typeof arraysOf>;
  for (const [i, { dtype, shape }] of arraysOf(parameters).entries()) {
    const other = itemAt(found, i);
    if (other.dtype !== dtype || String(other.shape) !== String(shape))
      throw new RangeError(
        `a query's ${paths[i]} is ${other.dtype}[${other.shape.join(", ")}]; expected ${dtype}[${shape.join(", ")}], as the parameters`,
      );
  }
}

function requireFinite({ rows, norms, step, learningRate }: StepAdjoint): void {
  const areFinite = norms.every(Number.isFinite) && rows.every((each) => each.every(Number.isFinite));
  if (!areFinite)
    throw new InputError(
      `the walk back through the training left the finite numbers at step ${step}: a learning rate of ${learningRate} is too large for the curvature there; expected a smaller one, or fewer epochs to go back`,
    );
}

async function compilePull(
  options: StepperOptions,
  like: readonly RecordedStep[],
  adjoint: Adjoint,
): Promise<PullCall> {
  const { arrays, fill } = stackSteps(options, like);
  const queries = arraysOf(adjoint.parameters)[0]?.shape[0] ?? 1;
  const executable = await compileTrees(
    (cotangents, data, steps) =>
      scan(
        (after: TensorTree, step: TensorTree): readonly [TensorTree, TensorTree] =>
          pullStep(options, data, step, after, queries),
        cotangents,
        steps,
      ),
    [adjoint, options.data, arrays],
    options.compile,
  );
  return {
    async run(list, before) {
      fill(list);
      const flat = arraysOf(await executable.run(before, options.data, arrays));
      const after = withArrays(before, flat.slice(0, -2));
      const [rows, norms] = flat.slice(-2).map((array) => Float64Array.from(array.data, Number));
      const each = (values: Float64Array | undefined, size: number): Float64Array[][] =>
        Array.from({ length: queries }, (_, query) =>
          list.map((_, i) =>
            itemAt([values], 0).slice((i * queries + query) * size, (i * queries + query + 1) * size),
          ),
        );
      const size = itemAt(list, 0).batch.indices.length;
      return {
        after,
        rows: each(rows, size),
        norms: each(norms, 1).map((one) => one.map(([norm = 0]) => norm)),
      };
    },
    dispose: () => executable.dispose(),
  };
}

/** The cotangents before a step from those after it; those of its rows' weights [queries, B] and norms [queries]. */
function pullStep(
  options: StepperOptions,
  data: TensorTree,
  recorded: TensorTree,
  after: TensorTree,
  queries: number,
): readonly [TensorTree, TensorTree] {
  const { parameters, optimizer, step } = stackedStep(recorded);
  const weights = step.weights ?? op.ones([step.indices.size], tensorsOf(parameters)[0]?.dtype ?? "float32");
  const [, pull] = vjp(
    (p: TensorTree, o: TensorTree, w: Tensor): TensorTree => {
      const carry = { parameters: p, optimizer: o, buffers: {} };
      const [next] = takeStep(options, carry, data, { ...step, weights: w });
      return { parameters: next.parameters, optimizer: next.optimizer };
    },
    parameters,
    optimizer,
    weights,
  );
  const one = (cotangent: TensorTree): TensorTree => {
    const [p, o, rows] = pull(cotangent);
    const squares = tensorsOf(p).map((leaf) => op.sum(op.square(leaf)));
    const norm = op.sqrt(squares.reduce((sum, square) => sum.add(square)));
    return [{ parameters: p, optimizer: o }, rows, norm];
  };
  // One query needs no batched products.
  const [before, rows, norms] = (
    queries === 1
      ? mapTensors((leaf) => op.unsqueeze(leaf, 0), one(mapTensors((leaf) => op.squeeze(leaf, 0), after)))
      : vmap(one, [0])(after)
  ) as readonly TensorTree[];
  if (before === undefined || rows === undefined || norms === undefined) throw new Error("one gives three");
  return [before, [rows, norms]];
}
