import { isFloat } from "../../dtype.ts";
import { ndarray } from "../../ndarray.ts";
import { constant } from "../../ops/constants.ts";
import * as e from "../../ops/elementwise.ts";
import { take } from "../../ops/indexing.ts";
import { reshape } from "../../ops/shape.ts";
import { normalizeAxis } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import type { OnnxNode } from "../model.ts";
import {
  attribute,
  type Call,
  checkedLength,
  listAttribute,
  type OperatorTable,
  optionalNumbers,
  tensor,
  textAttribute,
} from "./call.ts";

/**
 * Resampling: each output coordinate reads one (nearest) or two (linear) input coordinates of each axis.
 *
 * Scales are float32, and so is the arithmetic on them here, as in the runtimes that made and run such models: 10 times
 * float32's 0.7 is 7 in float32 and less than 7 in exact arithmetic, which would be an axis of 6.
 */

const single = Math.fround;

type Transformation = (place: number, scale: number, from: number, to: number) => number;

const halfPixel: Transformation = (place, scale) => single(single((place + 0.5) / scale) - 0.5);

const transformations: Readonly<Record<string, Transformation>> = {
  asymmetric: (place, scale) => single(place / scale),
  half_pixel: halfPixel,
  pytorch_half_pixel: (place, scale, from, to) => (to > 1 ? halfPixel(place, scale, from, to) : 0),
  align_corners: (place, _, from, to) => (to > 1 ? single(single(place * (from - 1)) / (to - 1)) : 0),
};

const roundings: Readonly<Record<string, (place: number) => number>> = {
  round_prefer_floor: (place) => Math.ceil(place - 0.5),
  round_prefer_ceil: (place) => Math.floor(place + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

function unsupported(node: OnnxNode): string | undefined {
  const call = { node };
  const mode = textAttribute(call, "mode", "nearest");
  const transformation = textAttribute(call, "coordinate_transformation_mode", "half_pixel");
  const rounding = textAttribute(call, "nearest_mode", "round_prefer_floor");
  if (mode !== "nearest" && mode !== "linear") return `mode ${mode} is not supported`;
  if (!(transformation in transformations)) return `coordinates by ${transformation} are not supported`;
  if (!(rounding in roundings)) return `nearest_mode ${rounding} is not supported`;
  if (attribute(call, "antialias", 0) === 1) return "antialias is not supported";
  const policy = textAttribute(call, "keep_aspect_ratio_policy", "stretch");
  return policy === "stretch" ? undefined : `keep_aspect_ratio_policy ${policy} is not supported`;
}

/** Inputs are x, a region (unused), scales or sizes: for all axes, or since operator set 18 for `axes`. */
function resize(call: Call): Tensor {
  const x = tensor(call, 0);
  const axes =
    listAttribute(call, "axes")?.map((axis) => normalizeAxis(axis, x.rank, "Resize")) ??
    x.shape.map((_, axis) => axis);
  const scales = optionalNumbers(call, 2) ?? [];
  const sizes = optionalNumbers(call, 3) ?? [];
  if (scales.length !== axes.length && sizes.length !== axes.length)
    throw new Error(`neither scales nor sizes are given for the ${axes.length} axes`);
  // Between integers too the weights are fractions: what is between is cut to a whole number in the end.
  const widened = !isFloat(x.dtype) && textAttribute(call, "mode", "nearest") === "linear";
  let result = widened ? e.cast(x, "float32") : x;
  for (const [i, axis] of axes.entries()) {
    const from = x.shape[axis] ?? 0;
    const scale = sizes.length > 0 ? single((sizes[i] ?? 0) / from) : (scales[i] ?? 1);
    const to = sizes.length > 0 ? (sizes[i] ?? 0) : Math.floor(single(from * scale));
    if (!(to >= 0)) throw new Error(`axis ${axis} would have size ${to}`);
    checkedLength(to, "an axis of size");
    if (from !== to || scale !== 1) result = resample(call, result, axis, to, scale);
  }
  return widened ? e.cast(result, x.dtype) : result;
}

function resample(call: Call, x: Tensor, axis: number, to: number, scale: number): Tensor {
  const from = x.shape[axis] ?? 0;
  const transform = transformations[textAttribute(call, "coordinate_transformation_mode", "half_pixel")];
  const round = roundings[textAttribute(call, "nearest_mode", "round_prefer_floor")];
  if (transform === undefined || round === undefined) throw new Error("its form is not supported");
  const places = Array.from({ length: to }, (_, place) => transform(place, scale, from, to));
  const inside = (place: number): number => Math.min(from - 1, Math.max(0, place));
  const read = (indices: readonly number[]): Tensor =>
    take(x, constant(ndarray([...indices], [to], "int64")), axis);
  if (textAttribute(call, "mode", "nearest") === "nearest")
    return read(places.map((place) => inside(round(place))));
  const kept = places.map(inside);
  const weights = reshape(
    constant(
      ndarray(
        kept.map((place) => place - Math.floor(place)),
        [to],
        x.dtype,
      ),
    ),
    [to, ...x.shape.slice(axis + 1).map(() => 1)],
  );
  const low = read(kept.map(Math.floor));
  const high = read(kept.map((place) => inside(Math.floor(place) + 1)));
  return e.add(e.mul(low, e.sub(1, weights)), e.mul(high, weights));
}

export const resampling: OperatorTable = {
  Resize: { apply: resize, staticInputs: [1, 2, 3], unsupported },
};
