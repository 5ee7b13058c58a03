import { itemAt } from "../../lists.ts";
import { arange, constant, full, parameter } from "../../ops/constants.ts";
import * as e from "../../ops/elementwise.ts";
import { moveAxis, reshape } from "../../ops/shape.ts";
import { flip } from "../../ops/slicing.ts";
import { isTensor, type Tensor } from "../../tensor.ts";
import { cond, whileLoop } from "../../transforms/control.ts";
import { scan } from "../../transforms/scan.ts";
import type { OnnxGraph } from "../model.ts";
import {
  asTensor,
  attribute,
  type Call,
  checkedLength,
  graphAttribute,
  knownIntegers,
  listAttribute,
  type OperatorTable,
  tensor,
  type Value,
  value,
} from "./call.ts";

/** Loops and choices: the engine's scan, whileLoop and cond, with the nested graphs as their functions. */

/** A choice that is known takes its branch; another is made while the graph runs. */
function choose(call: Call): readonly Value[] {
  const predicate = value(call, 0);
  const branch = (name: string) => () => call.run(graphAttribute(call, name), []);
  if (!isTensor(predicate)) return branch(predicate.data[0] ? "then_branch" : "else_branch")();
  const tensors = (name: string) => () => branch(name)().map(asTensor);
  return cond(reshape(predicate, []), tensors("then_branch"), tensors("else_branch"));
}

/**
 * A loop that is known not to begin gives what it began with. A loop that only counts is a scan over its count, which has derivatives; one that tests a condition is a whileLoop,
 * which has none.
 */
function loop(call: Call): readonly Value[] {
  const body = graphAttribute(call, "body");
  const initial = call.inputs.slice(2).map((_, i) => tensor(call, i + 2));
  const [count, condition] = call.inputs;
  const stacked = body.outputs.length - 1 - initial.length;
  if (stacked < 0) throw new Error("its body gives fewer values than the loop carries");
  const known = condition === undefined || !isTensor(condition);
  const holds = condition === undefined || (!isTensor(condition) && condition.data[0] === 1);
  if (known && !holds) return countedLoop(call, body, initial, 0);
  if (count !== undefined && !isTensor(count) && holds && onlyCounts(call, body, initial)) {
    const steps = Number(count.data[0]);
    return countedLoop(call, body, initial, Math.max(0, checkedLength(steps, "the number of its steps")));
  }
  if (stacked > 0)
    throw new Error("it stacks results of a number of steps that is not known when the graph is built");
  return conditionalLoop(call, body, initial);
}

/** Whether the body's condition is true whatever the values are. */
function onlyCounts(call: Call, body: OnnxGraph, initial: readonly Tensor[]): boolean {
  const running = parameter([], "bool", "the condition of a Loop");
  const carries = initial.map(({ shape, dtype }) => parameter(shape, dtype, "a value of a Loop"));
  const [again] = call.run(body, [parameter([], "int64", "the count of a Loop"), running, ...carries]);
  if (again === undefined) return false;
  return isTensor(again) ? again === running : again.data[0] === 1;
}

function countedLoop(
  call: Call,
  body: OnnxGraph,
  initial: readonly Tensor[],
  steps: number,
): readonly Tensor[] {
  const [last, results] = scan(
    (carry: readonly Tensor[], step: Tensor): readonly [readonly Tensor[], readonly Tensor[]] => {
      const outputs = call
        .run(body, [step, full([], 1, "bool"), ...carry])
        .slice(1)
        .map(asTensor);
      return [outputs.slice(0, carry.length), outputs.slice(carry.length)];
    },
    initial,
    arange(0, steps),
  );
  return [...last, ...results];
}

interface LoopState {
  readonly step: Tensor;
  readonly running: Tensor;
  readonly carry: readonly Tensor[];
}

function conditionalLoop(call: Call, body: OnnxGraph, initial: readonly Tensor[]): readonly Tensor[] {
  const [count, condition] = call.inputs.slice(0, 2).map((input) => input && reshape(asTensor(input), []));
  const last = whileLoop(
    ({ step, running }: LoopState) =>
      count === undefined ? running : e.logicalAnd(running, e.less(step, count)),
    ({ step, running, carry }: LoopState): LoopState => {
      const [again, ...next] = call.run(body, [step, running, ...carry]).map(asTensor);
      if (again === undefined) throw new Error("its body gives no condition");
      return { step: e.add(step, 1), running: reshape(again, []), carry: next };
    },
    {
      step: constant({ ...knownIntegers([0]), shape: [] }),
      running: condition ?? full([], 1, "bool"),
      carry: initial,
    },
  );
  return last.carry;
}

/** Sequences run along any axis in either direction; the engine's run along the first, all in one. */
function scanned(call: Call): readonly Value[] {
  const body = graphAttribute(call, "body");
  const count = attribute(call, "num_scan_inputs", 0);
  const states = call.inputs.length - count;
  if (!(states >= 0 && count > 0)) throw new Error(`num_scan_inputs ${count} is not the number of sequences`);
  const inputAxes = listAttribute(call, "scan_input_axes") ?? [];
  const outputAxes = listAttribute(call, "scan_output_axes") ?? [];
  const inputBackward = listAttribute(call, "scan_input_directions") ?? [];
  const outputBackward = listAttribute(call, "scan_output_directions") ?? [];
  const reverse = Array.from({ length: count }, (_, i) => inputBackward[i] === 1).every(Boolean);
  const initial = Array.from({ length: states }, (_, i) => tensor(call, i));
  const sequences = Array.from({ length: count }, (_, i) => {
    const sequence = moveAxis(tensor(call, states + i), inputAxes[i] ?? 0, 0);
    return (inputBackward[i] === 1) === reverse ? sequence : flip(sequence, 0);
  });
  const [last, results] = scan(
    (
      carry: readonly Tensor[],
      elements: readonly Tensor[],
    ): readonly [readonly Tensor[], readonly Tensor[]] => {
      const outputs = call.run(body, [...carry, ...elements]).map(asTensor);
      return [outputs.slice(0, states), outputs.slice(states)];
    },
    initial,
    sequences,
    { reverse },
  );
  return [
    ...last,
    ...results.map((_, i) => {
      const result = itemAt(results, i);
      const ordered = (outputBackward[i] === 1) === reverse ? result : flip(result, 0);
      return moveAxis(ordered, 0, outputAxes[i] ?? 0);
    }),
  ];
}

export const control: OperatorTable = {
  If: choose,
  Loop: { apply: loop, constantInputs: [0, 1] },
  Scan: scanned,
};
