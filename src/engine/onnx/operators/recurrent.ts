import { zeros } from "../../ops/constants.ts";
import * as e from "../../ops/elementwise.ts";
import { matmul } from "../../ops/linear.ts";
import { matrixTranspose, moveAxis, reshape } from "../../ops/shape.ts";
import { sliceAxis, split, stack } from "../../ops/slicing.ts";
import type { Tensor } from "../../tensor.ts";
import { scan } from "../../transforms/scan.ts";
import type { OnnxNode } from "../model.ts";
import {
  attribute,
  type Call,
  type Operator,
  type OperatorTable,
  optionalAttribute,
  optionalTensor,
  tensor,
  textAttribute,
  type Value,
} from "./call.ts";

/** Recurrent layers as scans over time: one for each direction. */

/** The next states from the states and the input's share of the gates, for one step of one direction. */
type Cell = (states: readonly Tensor[], fromInput: Tensor) => Tensor[];

/** What one direction of a layer holds: [gates H, I], [gates H, H], and a bias for each. */
interface Weights {
  readonly input: Tensor;
  readonly recurrent: Tensor;
  readonly inputBias: Tensor;
  readonly recurrentBias: Tensor;
}

interface Layer {
  readonly gates: number;
  /** How many states a step hands to the next. */
  readonly states: number;
  /** Which inputs hold the initial states, in order. */
  readonly initialInputs: readonly number[];
  readonly activations: readonly string[];
  cell(call: Call, weights: Weights, direction: number): Cell;
}

/** One of `parts` equal parts of the last axis. */
function gate(x: Tensor, part: number, parts: number): Tensor {
  const size = (x.shape.at(-1) ?? 0) / parts;
  return sliceAxis(x, -1, part * size, (part + 1) * size);
}

function project(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  return e.add(matmul(x, matrixTranspose(weight)), bias);
}

/** h' = tanh(W x + R h + b). */
const simple: Layer = {
  gates: 1,
  states: 1,
  initialInputs: [5],
  activations: ["Tanh"],
  cell: (call, { recurrent, recurrentBias }, direction) => {
    const activation = rnnActivation(call.node, direction);
    return ([h], fromInput) =>
      h === undefined ? [] : [activation(e.add(fromInput, project(h, recurrent, recurrentBias)))];
  },
};

function rnnActivation(node: OnnxNode, direction: number): (x: Tensor) => Tensor {
  return activationNames(node)[direction] === "Relu" ? e.relu : e.tanh;
}

/** Update z, reset r, new state n (Cho et al. 2014); `linear_before_reset` as in PyTorch and cuDNN. */
const gated: Layer = {
  gates: 3,
  states: 1,
  initialInputs: [5],
  activations: ["Sigmoid", "Tanh"],
  cell: (call, { recurrent, recurrentBias }) => {
    const [rz, rr, rn] = split(recurrent, 3, 0);
    const [bz, br, bn] = split(recurrentBias, 3, 0);
    const linearFirst = attribute(call, "linear_before_reset", 0) === 1;
    return ([h], fromInput) => {
      if (!h || !rz || !rr || !rn || !bz || !br || !bn) return [];
      const z = e.sigmoid(e.add(gate(fromInput, 0, 3), project(h, rz, bz)));
      const r = e.sigmoid(e.add(gate(fromInput, 1, 3), project(h, rr, br)));
      const inner = linearFirst ? e.mul(r, project(h, rn, bn)) : project(e.mul(r, h), rn, bn);
      const n = e.tanh(e.add(gate(fromInput, 2, 3), inner));
      return [e.add(e.mul(e.sub(1, z), n), e.mul(z, h))];
    };
  },
};

/** Gates in ONNX's order: input, output, forget, cell (Hochreiter, Schmidhuber 1997), with peepholes where given. */
const longShortTerm: Layer = {
  gates: 4,
  states: 2,
  initialInputs: [5, 6],
  activations: ["Sigmoid", "Tanh", "Tanh"],
  cell: (call, { recurrent, recurrentBias }, direction) => {
    const peepholes = optionalTensor(call, 7);
    const peep =
      peepholes && reshape(sliceAxis(peepholes, 0, direction, direction + 1), [peepholes.shape[1] ?? 0]);
    const looking = (x: Tensor, cell: Tensor, part: number): Tensor =>
      peep === undefined ? x : e.add(x, e.mul(gate(peep, part, 3), cell));
    return ([h, c], fromInput) => {
      if (h === undefined || c === undefined) return [];
      const all = e.add(fromInput, project(h, recurrent, recurrentBias));
      const input = e.sigmoid(looking(gate(all, 0, 4), c, 0));
      const forget = e.sigmoid(looking(gate(all, 2, 4), c, 2));
      const next = e.add(e.mul(forget, c), e.mul(input, e.tanh(gate(all, 3, 4))));
      const output = e.sigmoid(looking(gate(all, 1, 4), next, 1));
      return [e.mul(output, e.tanh(next)), next];
    };
  },
};

function activationNames(node: OnnxNode): readonly string[] {
  const given = node.attributes.get("activations");
  return given?.kind === "strings" ? given.value : [];
}

/** X [T, N, I] (or [N, T, I] with layout 1), W, R and B with the directions first. */
function recurrent(layer: Layer): (call: Call) => readonly Value[] {
  return (call) => {
    const batchFirst = attribute(call, "layout", 0) === 1;
    const x = batchFirst ? moveAxis(tensor(call, 0), 1, 0) : tensor(call, 0);
    const weights = tensor(call, 1);
    const directions = weights.shape[0] ?? 1;
    const backwardFirst = textAttribute(call, "direction", "forward") === "reverse";
    const runs = Array.from({ length: directions }, (_, direction) =>
      runDirection(call, layer, x, { direction, reverse: direction === 1 || backwardFirst, batchFirst }),
    );
    const sequence = stack(
      runs.map(({ sequence: one }) => one),
      1,
    );
    const last = Array.from({ length: layer.states }, (_, state) =>
      stack(
        runs.flatMap(({ last: states }) => states[state] ?? []),
        0,
      ),
    );
    return batchFirst
      ? [moveAxis(sequence, 2, 0), ...last.map((state) => moveAxis(state, 1, 0))]
      : [sequence, ...last];
  };
}

interface Direction {
  readonly direction: number;
  readonly reverse: boolean;
  readonly batchFirst: boolean;
}

function runDirection(
  call: Call,
  layer: Layer,
  x: Tensor,
  { direction, reverse, batchFirst }: Direction,
): { readonly sequence: Tensor; readonly last: readonly Tensor[] } {
  const own = (whole: Tensor): Tensor =>
    reshape(sliceAxis(whole, 0, direction, direction + 1), whole.shape.slice(1));
  const input = own(tensor(call, 1));
  const hidden = own(tensor(call, 2));
  const size = hidden.shape[1] ?? 0;
  const width = layer.gates * size;
  const both = optionalTensor(call, 3);
  const bias = both === undefined ? zeros([2 * width], x.dtype) : own(both);
  const weights: Weights = {
    input,
    recurrent: hidden,
    inputBias: sliceAxis(bias, 0, 0, width),
    recurrentBias: sliceAxis(bias, 0, width, 2 * width),
  };
  const initial = layer.initialInputs.map((place) => {
    const given = optionalTensor(call, place);
    if (given === undefined) return zeros([x.shape[1] ?? 0, size], x.dtype);
    return own(batchFirst ? moveAxis(given, 1, 0) : given);
  });
  const cell = layer.cell(call, weights, direction);
  // The input's share of all steps is one product outside the loop.
  const fromInput = project(x, weights.input, weights.inputBias);
  const [last, sequence] = scan(
    (states: readonly Tensor[], share: Tensor): readonly [readonly Tensor[], Tensor] => {
      const next = cell(states, share);
      const [h] = next;
      if (h === undefined) throw new Error("its weights do not fit");
      return [next, h];
    },
    initial,
    fromInput,
    { reverse },
  );
  return { sequence, last };
}

function operator(layer: Layer): Operator {
  const isSimple = layer === simple;
  return {
    apply: recurrent(layer),
    unsupported: (node) => {
      if ((node.inputs[4] ?? "") !== "") return "sequence_lens is not supported";
      if (optionalAttribute({ node }, "clip") !== undefined) return "clip is not supported";
      if (attribute({ node }, "input_forget", 0) !== 0) return "input_forget is not supported";
      const names = activationNames(node);
      const usual = names.every((name, i) =>
        isSimple
          ? name === "Tanh" || name === "Relu"
          : name === layer.activations[i % layer.activations.length],
      );
      return usual ? undefined : `activations ${names.join(", ")} are not supported`;
    },
  };
}

export const recurrentLayers: OperatorTable = {
  RNN: operator(simple),
  GRU: operator(gated),
  LSTM: operator(longShortTerm),
};
