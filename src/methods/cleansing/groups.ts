/** Rows that belong together: of one source, say, whose harm adds up where no single row stands out. */
import { InputError } from "../../data/input-error.ts";
import type { PreparedData } from "./prepared-data.ts";

export interface RowGroup {
  readonly name: string;
  /** Places among the rows trained on. */
  readonly rows: readonly number[];
}

/** More are no groups but values. */
const mostGroups = 1000;

/**
 * The training rows by the values of a column, the largest group first.
 *
 * @throws InputError for images, a column that is not there, one group only, or too many
 */
export function groupsBy(column: string, prepared: PreparedData): RowGroup[] {
  if (prepared.kind === "images")
    throw new InputError(`--groups ${column}: images have no columns; leave it out`);
  const groups = new Map<string, number[]>();
  for (const [place] of prepared.parts.train.rows.entries()) {
    const { values = {} } = prepared.describeRow("train", place);
    if (!Object.hasOwn(values, column))
      throw new InputError(
        `--groups ${column}: there is no such column; expected one of ${Object.keys(values).join(", ")}`,
      );
    const name = String(values[column] ?? "(missing)");
    const rows = groups.get(name);
    if (rows === undefined) groups.set(name, [place]);
    else rows.push(place);
  }
  if (groups.size < 2 || groups.size > mostGroups)
    throw new InputError(
      `--groups ${column}: has ${groups.size} different value${groups.size === 1 ? "" : "s"}; expected 2 to ${mostGroups} groups`,
    );
  return [...groups].map(([name, rows]) => ({ name, rows })).sort((a, b) => b.rows.length - a.rows.length);
}

/** How the rows of a group act together. */
export interface GroupEffect extends RowGroup {
  /** The sum of its rows' scores: the predicted change of the loss without all of them. */
  readonly score: number;
  /** What retraining without all of them did, where that was asked for. */
  readonly retrained?: number;
}

/** The groups by their summed scores, the most harmful first. */
export function scoredGroups(groups: readonly RowGroup[], scores: ArrayLike<number>): GroupEffect[] {
  return groups
    .map((group) => ({ ...group, score: group.rows.reduce((sum, row) => sum + (scores[row] ?? 0), 0) }))
    .sort((a, b) => a.score - b.score);
}
