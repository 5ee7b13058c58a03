/** Whose loss is to fall: what `--query` names. */
import { InputError } from "../../data/input-error.ts";
import { type Examples, examplesAt } from "../../training/problem.ts";
import { findRow, type PreparedData } from "./prepared-data.ts";

export interface Judged {
  readonly examples: Examples;
  /** As in "lowers ...": "the validation loss", "the loss of row 12". */
  readonly words: string;
}

/**
 * The examples whose mean loss is asked for.
 *
 * @param query `validation`, or `row:N` for one row of the file, counted from 1
 * @throws InputError when it is neither, or the row trains or is not there
 */
export function judgedBy(query: string, prepared: PreparedData): Judged {
  if (query === "validation")
    return { examples: prepared.parts.validation.examples, words: "the validation loss" };
  const row = /^row:([1-9]\d{0,14})$/.exec(query)?.[1];
  if (row === undefined)
    throw new InputError(
      `--query: expected validation or row:N (N counts from 1), found ${JSON.stringify(query)}`,
    );
  const place = findRow(prepared, Number(row));
  if (place === undefined || place.part === "train") {
    const [first] = prepared.parts.validation.rows;
    throw new InputError(
      `--query row:${row}: ${place === undefined ? "there is no such row among those used" : "the row is one of those trained on, whose losses are no judge"}; expected one of validation or test, such as row:${first}`,
    );
  }
  const { examples } = prepared.parts[place.part];
  return {
    examples: examplesAt(examples, [place.index]),
    words: `the loss of row ${row} (${prepared.describeRow(place.part, place.index).label})`,
  };
}
