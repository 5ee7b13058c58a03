// Tables and numbers as the READMEs print them.
import { wilsonInterval } from "../../dist/numeric/statistics/proportion.js";
import { median } from "../../dist/numeric/statistics/quantile.js";

/** Rows as a Markdown table; the columns are those of the first row. */
export function table(rows) {
  const columns = Object.keys(rows[0]);
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [
    line(columns),
    line(columns.map(() => "---")),
    ...rows.map((row) => line(columns.map((column) => row[column] ?? ""))),
  ].join("\n");
}

/** Two digits: 0.081, 3.2e-5. */
export function number(value) {
  if (!Number.isFinite(value)) return String(value);
  return value !== 0 && (Math.abs(value) < 0.01 || Math.abs(value) >= 1e4)
    ? value.toExponential(1)
    : String(Number(value.toPrecision(2)));
}

/** `9 of 10 [0.60, 0.98]`, Wilson's interval at 95%; with a third digit where there are many trials. */
export function share(successes, trials) {
  const { low, high } = wilsonInterval(successes, trials);
  const digits = trials < 200 ? 2 : 3;
  return `${successes} of ${trials} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
}

/** Median and range of a small sample. */
export function spread(values) {
  if (values.length === 0) return "";
  return `${number(median(values))} [${number(Math.min(...values))}, ${number(Math.max(...values))}]`;
}
