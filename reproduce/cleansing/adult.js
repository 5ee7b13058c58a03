// The census data with the levels of the published code joined: 62 features, before they are standardised.
import { encodeFeatures, fitFeatureEncoder } from "../../dist/data/encode-features.js";
import { readTable } from "../../dist/data/table.js";
import { fileOf } from "../harness/files.js";

const joined = {
  education: { Primary: ["1st-4th", "5th-6th", "7th-8th", "9th", "10th", "11th", "12th"] },
  workclass: { "Never-worked": ["Without-pay"], none: [""] },
  "marital-status": { "Married-civ-spouse": ["Married-AF-spouse"] },
  occupation: { none: ["", "Armed-Forces"] },
  "native-country": {
    US: ["United-States", "Cuba", ""],
    Western: ["England", "Germany", "Canada", "Italy", "France", "Greece", "Philippines"],
    Eastern: ["India", "Iran", "Cambodia", "Taiwan", "Japan", "Yugoslavia", "China", "Hong"],
    Poland: ["South", "Poland", "Ireland", "Hungary", "Scotland", "Thailand", "Ecuador"],
  },
};

/** What becomes of a level; an empty one is a missing value. @returns {(value: string) => string} */
function joining(column) {
  const groups = Object.entries(joined[column] ?? {});
  const of = new Map(groups.flatMap(([group, levels]) => levels.map((level) => [level, group])));
  return (value) => of.get(value) ?? (column === "native-country" ? "Rest" : value);
}

/**
 * The rows of the training file.
 *
 * @param {string | undefined} data
 * @returns {Promise<import("./problems.js").Rows>}
 */
export async function adultRows(data) {
  const file = fileOf(data, { folder: "adult", name: "adult-training.csv" });
  const read = await readTable(file, { header: false });
  const table = {
    ...read,
    values: read.values.map((column) => {
      const { name, type, values, missing } = column;
      if (type === "text")
        return { ...column, values: values.map(joining(name)), missing: missing.map(() => 0) };
      return name === "fnlgwt" ? { ...column, values: values.map(Math.log1p) } : column;
    }),
  };
  const fitted = fitFeatureEncoder(table, { except: ["income"], standardize: false });
  // All levels are known, so that none is for others.
  const columns = fitted.columns.map((column) => ({ ...column, hasOther: false }));
  const encoder = { ...fitted, columns };
  const income = read.values.find(({ name }) => name === "income");
  return {
    classes: Array.from(income.values, (value) => (value === ">50K" ? 1 : 0)),
    width: encodeFeatures(encoder, table, []).names.length,
    features: (rows) => encodeFeatures(encoder, table, rows).features.data,
  };
}
