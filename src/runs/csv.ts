export type Cell = string | number | boolean | null;
export type Row = Readonly<Record<string, Cell>>;

/** Column names in the order in which the rows first mention them. */
export function columnsOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

/** Rows as RFC 4180 text with a header line; a missing or null cell is empty, numbers keep every digit. */
export function toCsv(rows: readonly Row[]): string {
  const columns = columnsOf(rows);
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ""))];
  return lines.map((line) => `${line.map(quoteCell).join(",")}\n`).join("");
}

function quoteCell(cell: Cell): string {
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
