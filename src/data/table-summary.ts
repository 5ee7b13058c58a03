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
  const found = await table.aggregates(({ type }) =>
    type === "number"
      ? '[min("value"), max("value"), avg("value")]'
      : '[approx_count_distinct("value")::DOUBLE]',
  );
  // Counting all values of a column of names or sentences could take as much memory as the file is large.
  const isCounted = ({ type }: TableColumn, i: number): boolean =>
    type === "text" && (listItems(found[i])[0] ?? 0) <= MOST_COUNTED;
  const counted = await table.aggregates((column) =>
    isCounted(column, column.position - 1) ? 'histogram("value")' : "NULL",
  );
  const columns = table.columns.map((column, i): ColumnSummary => {
    const [first = null, maximum = null, mean = null] = listItems(found[i]);
    if (column.type === "number") return { ...column, type: "number", minimum: first, maximum, mean };
    const isEstimate = !isCounted(column, i);
    const levels = mapEntries(counted[i]);
    return {
      ...column,
      type: "text",
      distinct: isEstimate ? (first ?? 0) : levels.length,
      isEstimate,
      levels: levels.slice(0, listed),
    };
  });
  const { path, files, format, hasHeader, rows, notices } = table;
  return { path, files: files.length, format, hasHeader, rows, columns, notices };
}

/** The numbers of a DuckDB list; null where there is none or it is not finite. */
function listItems(value: unknown): (number | null)[] {
  const items = (value as { items?: readonly unknown[] } | null)?.items ?? [];
  return items.map((item) => (typeof item === "number" && Number.isFinite(item) ? item : null));
}

/** The counts of a DuckDB histogram, the most frequent first. */
function mapEntries(value: unknown): { value: string; count: number }[] {
  const entries = (value as { entries?: readonly { key: unknown; value: unknown }[] } | null)?.entries ?? [];
  return entries
    .map(({ key, value: count }) => ({ value: String(key), count: Number(count) }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
}
