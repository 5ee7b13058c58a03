import { fail } from "../errors.ts";
import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expand, sum } from "./broadcast.ts";
import { describe } from "./check.ts";
import { matmul } from "./linear.ts";
import { reshape, transpose } from "./shape.ts";
import { sliceAxis } from "./slicing.ts";

/** Einstein summation, lowered to transposes, sums and matrix products. */

interface Term {
  readonly tensor: Tensor;
  readonly labels: readonly string[];
}

/**
 * Products of tensors summed over repeated labels, as NumPy's `einsum`: `ij,jk->ik` is a matrix product, `ii->i` a
 * diagonal, `...` stands for axes that are kept. Without an arrow, the labels that occur once are kept in
 * alphabetical order.
 *
 * @throws GraphError when the equation does not parse or the sizes of a label differ
 */
export function einsum(equation: string, ...tensors: readonly Tensor[]): Tensor {
  const { operands, output } = parse(equation, tensors);
  const sizes = new Map<string, number>();
  for (const { tensor, labels } of operands)
    for (const [axis, label] of labels.entries()) {
      const size = tensor.shape[axis] ?? 1;
      const known = sizes.get(label) ?? 1;
      if (known !== 1 && size !== 1 && known !== size)
        fail("einsum", `label ${label} of "${equation}" has sizes ${known} and ${size}`);
      sizes.set(label, known === 1 ? size : known);
    }
  const [first, ...rest] = operands.map((term) => diagonals(matchSizes(term, sizes)));
  if (first === undefined) fail("einsum", "there are no tensors");
  let result = first;
  for (const [i, term] of rest.entries()) {
    const later = new Set([...output, ...rest.slice(i + 1).flatMap(({ labels }) => labels)]);
    result = contract(result, term, later);
  }
  const kept = sumOut(result, new Set(output));
  return transpose(
    kept.tensor,
    output.map((label) => kept.labels.indexOf(label)),
  );
}

function parse(equation: string, tensors: readonly Tensor[]): { operands: Term[]; output: string[] } {
  const match = /^([A-Za-z.,\s]*?)(?:->([A-Za-z.\s]*))?$/.exec(equation);
  const inputs = match?.[1]?.replaceAll(/\s/g, "").split(",");
  if (inputs === undefined) fail("einsum", `"${equation}" is not an equation such as "ij,jk->ik"`);
  if (inputs.length !== tensors.length)
    fail("einsum", `"${equation}" names ${inputs.length} tensors, ${tensors.length} are given`);
  let ellipsisRank = 0;
  const operands = tensors.map((tensor, i): Term => {
    const text = inputs[i] ?? "";
    const [before = "", after] = text.split("...");
    if ((after === undefined && text.includes(".")) || after?.includes("."))
      fail("einsum", `"${equation}" has dots that are not one ellipsis`);
    const free = tensor.rank - before.length - (after?.length ?? 0);
    if (free < 0 || (after === undefined && free !== 0))
      fail("einsum", `"${text}" of "${equation}" does not name the axes of ${describe(tensor)}`);
    ellipsisRank = Math.max(ellipsisRank, free);
    return { tensor, labels: [...before, ...ellipsis(free), ...(after ?? "")] };
  });
  const counts = new Map<string, number>();
  for (const label of operands.flatMap(({ labels }) => labels))
    counts.set(label, (counts.get(label) ?? 0) + 1);
  const written = match?.[2]?.replaceAll(/\s/g, "");
  const output =
    written === undefined
      ? [
          ...ellipsis(ellipsisRank),
          ...[...counts]
            .filter(([label, count]) => count === 1 && label.length === 1)
            .map(([label]) => label)
            .sort(),
        ]
      : written
          .split(/(\.\.\.|)/)
          .flatMap((part) => (part === "..." ? ellipsis(ellipsisRank) : part === "" ? [] : [part]));
  for (const label of output)
    if (!counts.has(label)) fail("einsum", `output label ${label} of "${equation}" is in no input`);
  if (new Set(output).size !== output.length) fail("einsum", `an output label of "${equation}" is repeated`);
  return { operands, output };
}

/** Names for the axes of an ellipsis, aligned at the last. */
function ellipsis(rank: number): string[] {
  return Array.from({ length: rank }, (_, i) => `...${rank - i}`);
}

/** Axes of size 1 whose label is larger elsewhere are broadcast. */
function matchSizes({ tensor, labels }: Term, sizes: ReadonlyMap<string, number>): Term {
  return {
    tensor: expand(
      tensor,
      labels.map((label) => sizes.get(label) ?? 1),
    ),
    labels,
  };
}

/** A label repeated in one tensor means its diagonal. */
function diagonals(term: Term): Term {
  const { tensor, labels } = term;
  const second = labels.findIndex((label, axis) => labels.indexOf(label) !== axis);
  if (second === -1) return term;
  const first = labels.indexOf(labels[second] ?? "");
  const others = labels.map((_, axis) => axis).filter((axis) => axis !== first && axis !== second);
  const n = tensor.shape[first] ?? 0;
  const rest = others.map((axis) => tensor.shape[axis] ?? 1);
  const square = reshape(transpose(tensor, [...others, first, second]), [...rest, n * n]);
  const diagonal = sliceAxis(square, -1, 0, n * n, n + 1);
  return diagonals({
    tensor: diagonal,
    labels: [...others.map((axis) => labels[axis] ?? ""), labels[first] ?? ""],
  });
}

function sumOut({ tensor, labels }: Term, kept: ReadonlySet<string>): Term {
  const axes = labels.flatMap((label, axis) => (kept.has(label) ? [] : [axis]));
  return {
    tensor: axes.length === 0 ? tensor : sum(tensor, { axes }),
    labels: labels.filter((label) => kept.has(label)),
  };
}

/** The product of two terms, summed over the labels that nothing later needs: one batched matrix product. */
function contract(left: Term, right: Term, later: ReadonlySet<string>): Term {
  const a = sumOut(left, new Set([...later, ...right.labels]));
  const b = sumOut(right, new Set([...later, ...left.labels]));
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const batch = shared.filter((label) => later.has(label));
  const inner = shared.filter((label) => !later.has(label));
  const rows = a.labels.filter((label) => !shared.includes(label));
  const columns = b.labels.filter((label) => !shared.includes(label));
  const sizesOf = ({ tensor, labels }: Term, wanted: readonly string[]): number[] =>
    wanted.map((label) => tensor.shape[labels.indexOf(label)] ?? 1);
  const arrange = (term: Term, order: readonly string[]): Tensor =>
    transpose(
      term.tensor,
      order.map((label) => term.labels.indexOf(label)),
    );
  const batchSizes = sizesOf(a, batch);
  const innerSize = sizeOf(sizesOf(a, inner));
  const labels = [...batch, ...rows, ...columns];
  const shape = [...batchSizes, ...sizesOf(a, rows), ...sizesOf(b, columns)];
  const matrixA = reshape(arrange(a, [...batch, ...rows, ...inner]), [
    ...batchSizes,
    sizeOf(sizesOf(a, rows)),
    innerSize,
  ]);
  const matrixB = reshape(arrange(b, [...batch, ...inner, ...columns]), [
    ...batchSizes,
    innerSize,
    sizeOf(sizesOf(b, columns)),
  ]);
  return { tensor: reshape(matmul(matrixA, matrixB), shape), labels };
}
