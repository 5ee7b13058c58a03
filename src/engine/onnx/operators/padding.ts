import { expand } from "../../ops/broadcast.ts";
import { concat, pad, type Range, slice, sliceAxis } from "../../ops/slicing.ts";
import { normalizeAxis } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { type Call, numbers, type OperatorTable, optionalNumbers, tensor, textAttribute } from "./call.ts";

/** Elements around a tensor: of one value, mirrored, repeated, or from the other end. */

/** The axes that the pads are for: an input since operator set 18. */
function padded(call: Call): Tensor {
  const x = tensor(call, 0);
  const pads = numbers(call, 1);
  const fill = optionalNumbers(call, 2)?.[0] ?? 0;
  const axes = optionalNumbers(call, 3)?.map((axis) => normalizeAxis(axis, x.rank, "Pad"));
  const count = pads.length / 2;
  const widths = x.shape.map((_, axis): [number, number] => {
    const place = axes === undefined ? axis : axes.indexOf(axis);
    return place === -1 ? [0, 0] : [pads[place] ?? 0, pads[place + count] ?? 0];
  });
  switch (textAttribute(call, "mode", "constant")) {
    case "constant":
      return pad(x, widths, { value: fill });
    case "reflect":
      return pad(cropped(x, widths), added(widths), { mode: "reflect" });
    case "wrap":
      return padWithOtherEnd(cropped(x, widths), added(widths));
    default:
      return padWithEdge(cropped(x, widths), added(widths));
  }
}

type Widths = readonly (readonly [before: number, after: number])[];

/** x without what negative pads take away, which is done before anything is added. */
function cropped(x: Tensor, widths: Widths): Tensor {
  return slice(
    x,
    ...x.shape.map((size, axis): Range => {
      const [before, after] = widths[axis] ?? [0, 0];
      return [Math.max(0, -before), size + Math.min(0, after)];
    }),
  );
}

function added(widths: Widths): [number, number][] {
  return widths.map(([before, after]) => [Math.max(0, before), Math.max(0, after)]);
}

/** Axis after axis with more at its ends: `lead` and `trail` give what comes before and after it. */
function padAxes(
  x: Tensor,
  widths: Widths,
  lead: (x: Tensor, axis: number, count: number) => Tensor,
  trail: (x: Tensor, axis: number, count: number) => Tensor,
): Tensor {
  return widths.reduce(
    (whole, [before, after], axis) =>
      concat(
        [
          ...(before > 0 ? [lead(whole, axis, before)] : []),
          whole,
          ...(after > 0 ? [trail(whole, axis, after)] : []),
        ],
        axis,
      ),
    x,
  );
}

/** The outermost elements repeated. */
function padWithEdge(x: Tensor, widths: Widths): Tensor {
  const repeated = (whole: Tensor, axis: number, from: number, count: number): Tensor =>
    expand(
      sliceAxis(whole, axis, from, from + 1),
      whole.shape.map((length, i) => (i === axis ? count : length)),
    );
  return padAxes(
    x,
    widths,
    (whole, axis, count) => repeated(whole, axis, 0, count),
    (whole, axis, count) => repeated(whole, axis, (whole.shape[axis] ?? 0) - 1, count),
  );
}

/** As if each axis were a circle (operator set 19). */
function padWithOtherEnd(x: Tensor, widths: Widths): Tensor {
  for (const [axis, [before, after]] of widths.entries())
    if (Math.max(before, after) > (x.shape[axis] ?? 0))
      throw new Error(
        `${before} and ${after} elements around axis ${axis} of shape [${x.shape}] go round twice`,
      );
  return padAxes(
    x,
    widths,
    (whole, axis, count) => sliceAxis(whole, axis, (whole.shape[axis] ?? 0) - count, null),
    (whole, axis, count) => sliceAxis(whole, axis, 0, count),
  );
}

export const padding: OperatorTable = {
  Pad: {
    apply: padded,
    staticInputs: [1, 2, 3],
    unsupported: (node) => {
      const mode = textAttribute({ node }, "mode", "constant");
      return ["constant", "reflect", "edge", "wrap"].includes(mode)
        ? undefined
        : `mode ${mode} is not supported`;
    },
  },
};
