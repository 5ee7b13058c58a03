import { type DType, isFloat } from "../dtype.ts";
import { fail } from "../errors.ts";
import { broadcastShapes, formatShape } from "../shape.ts";
import type { Spec } from "../tensor.ts";

/** `float32[2,3]`, for messages. */
export function describe(spec: Spec): string {
  return `${spec.dtype}${formatShape(spec.shape)}`;
}

/** Throws where the dtypes differ, naming all of them; returns the dtype. */
export function requireSameDType(operation: string, specs: readonly Spec[]): DType {
  const dtype = specs[0]?.dtype ?? "float32";
  if (specs.some((spec) => spec.dtype !== dtype))
    fail(operation, `the dtypes differ: ${specs.map(describe).join(" and ")}; cast one of them`);
  return dtype;
}

export function requireFloat(operation: string, ...specs: readonly Spec[]): void {
  for (const spec of specs)
    if (!isFloat(spec.dtype)) fail(operation, `needs float32 or float64, got ${describe(spec)}`);
}

export function requireNumeric(operation: string, ...specs: readonly Spec[]): void {
  for (const spec of specs)
    if (spec.dtype === "bool") fail(operation, `needs numbers, got ${describe(spec)}; cast it`);
}

export function requireBool(operation: string, ...specs: readonly Spec[]): void {
  for (const spec of specs) if (spec.dtype !== "bool") fail(operation, `needs bool, got ${describe(spec)}`);
}

export function requireIndices(operation: string, spec: Spec): void {
  if (spec.dtype !== "int64" && spec.dtype !== "int32")
    fail(operation, `indices must be int32 or int64, got ${describe(spec)}`);
}

export function requireRank(operation: string, spec: Spec, minimum: number): void {
  if (spec.shape.length < minimum) fail(operation, `needs at least ${minimum} axes, got ${describe(spec)}`);
}

/** The broadcast shape; throws where there is none, naming the shapes. */
export function requireBroadcast(operation: string, specs: readonly Spec[]): number[] {
  return (
    broadcastShapes(...specs.map((spec) => spec.shape)) ??
    fail(
      operation,
      `the shapes do not broadcast: ${specs.map((spec) => formatShape(spec.shape)).join(" and ")}`,
    )
  );
}
