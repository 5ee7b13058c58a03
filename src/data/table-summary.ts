import type { Table, TableColumn } from "./table.ts";
import type { TableFormat } from "./table-source.ts";

/** What `describe` says of one column. */
export type ColumnSummary = TableColumn &
  (
    | {
        readonly type: "number";
        readonly minimum: number | null;
        readonly maximum: number | null;
        readonly mean: number | null;
      }
    | {
        readonly type: "text";
        /** Different values; where there are more than a thousand, an estimate (HyperLogLog, a few per cent). */
        readonly distinct: number;
        readonly isEstimate: boolean;
        /** The most frequent values, with their counts; of equally frequent ones the alphabetically first. */
        readonly levels: readonly { readonly value: string; readonly count: number }[];
      }
  );

export interface TableSummary {
  readonly path: string;
  readonly files: number;
  readonly format: TableFormat;
  readonly hasHeader: boolean;
  readonly rows: number;
  readonly columns: readonly ColumnSummary[];
  readonly notices: readonly string[];
}

const MOST_COUNTED = 1000;

/**
 * The columns of a table with their ranges (numbers) or levels (text), as JSON can hold it.
 *
 * @param options.levels how many of the most frequent values are listed for a text column. Default 10
 */
export async function describeTable(table: Table, options: { levels?: number } = {}): Promise<TableSummary> {
  const { levels: listed = 10 } = options;
  const expressions = table.columns.map(({ position, type }) =>
    type === "number"
      ? `[min("${position}"), max("${position}"), avg("${position}")]`
      : `[approx_count_distinct("${position}")::DOUBLE]`,
  );
  const [found = []] = await table.query(expressions.join(", "));
  const columns: ColumnSummary[] = [];
  for (const [i, column] of table.columns.entries()) {
    const numbers = listItems(found[i]);
    if (column.type === "number") {
      const [minimum = null, maximum = null, mean = null] = numbers;
      columns.push({ ...column, type: "number", minimum, maximum, mean });
      continue;
    }
    const estimate = numbers[0] ?? 0;
    const name = `"${column.position}"`;
    const isEstimate = estimate > MOST_COUNTED;
    // Counting all values of a column of names or sentences could take as much memory as the file is large.
    const counted = isEstimate
      ? []
      : await table.query(
          `${name}, count(*)`,
          `WHERE ${name} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, ${name}`,
        );
    columns.push({
      ...column,
      type: "text",
      distinct: isEstimate ? estimate : counted.length,
      isEstimate,
      levels: counted
        .slice(0, listed)
        .map(([value, count]) => ({ value: String(value), count: Number(count) })),
    });
  }
  const { path, files, format, hasHeader, rows, notices } = table;
  return { path, files: files.length, format, hasHeader, rows, columns, notices };
}

/** The numbers of a DuckDB list; null where there is none or it is not finite. */
function listItems(value: unknown): (number | null)[] {
  const items = (value as { items?: readonly unknown[] } | null)?.items ?? [];
  return items.map((item) => (typeof item === "number" && Number.isFinite(item) ? item : null));
}
