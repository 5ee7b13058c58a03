import { InputError } from "./input-error.ts";
import type { TableColumn, TableInfo } from "./table.ts";

/** A column as a user names it: its name, its number from 1, or "last". */
export type ColumnReference = string | number;

/**
 * The column a user means. A name wins over a number written as text, and both over `last`.
 *
 * @throws InputError that lists the columns there are
 * @example columnOf(table, "age"); columnOf(table, 1); columnOf(table, "last")
 */
export function columnOf(
  table: Pick<TableInfo, "path" | "columns">,
  reference: ColumnReference,
): TableColumn {
  const { columns } = table;
  const named = columns.find((column) => column.name === reference);
  const number = typeof reference === "number" || /^\d+$/.test(reference) ? Number(reference) : undefined;
  const found = named ?? (number !== undefined ? columns[number - 1] : undefined);
  if (found !== undefined) return found;
  const last = columns.at(-1);
  if (reference === "last" && last !== undefined) return last;
  throw new InputError(
    `${table.path}: there is no column ${JSON.stringify(reference)}; expected ${listed(columns)}, a number from 1 to ${columns.length}, or last`,
  );
}

function listed(columns: readonly TableColumn[]): string {
  const most = 30;
  const names = columns.slice(0, most).map((column) => column.name);
  return names.join(", ") + (columns.length > most ? `, ... (${columns.length} in all)` : "");
}
