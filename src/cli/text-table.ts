/** Columns of text, each as wide as its widest cell. */

/** The longest cell; what is longer is cut, with an ellipsis. */
const longestCell = 60;

/**
 * Rows as lines, the columns aligned and two spaces apart.
 *
 * @param options.indent spaces before each line
 */
export function textTable(
  rows: readonly (readonly string[])[],
  { indent = 0 }: { readonly indent?: number } = {},
): string {
  const cells = rows.map((row) => row.map(shorten));
  const widths = Array.from({ length: Math.max(0, ...cells.map((row) => row.length)) }, (_, column) =>
    Math.max(...cells.map((row) => lengthOf(row[column] ?? ""))),
  );
  const pad = (cell: string, column: number): string =>
    cell + " ".repeat((widths[column] ?? 0) - lengthOf(cell));
  return cells.map((row) => `${" ".repeat(indent)}${row.map(pad).join("  ").trimEnd()}\n`).join("");
}

/** A value as a cell: numbers with enough digits to tell runs apart. */
export function formatCell(value: unknown): string {
  if (value === undefined) return "-";
  if (typeof value === "string") return value;
  if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(6)));
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "-");
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  const letters = [...line];
  return letters.length <= longestCell ? line : `${letters.slice(0, longestCell - 1).join("")}…`;
}

function lengthOf(text: string): number {
  return [...text].length;
}
