// @ts-check
// `node scripts/spoil-labels.js banknote_authentication.csv`: makes examples/banknotes.csv of the file from the UCI repository
// (https://doi.org/10.24432/C55P57, CC BY 4.0): a header, and one label in twenty wrong. Needs `npm run build`.
import { readFileSync, writeFileSync } from "node:fs";
import { randomStream } from "../dist/numeric/index.js";

const [source] = process.argv.slice(2);
if (source === undefined) throw new Error("usage: node scripts/spoil-labels.js banknote_authentication.csv");
const rows = readFileSync(source, "utf8").trim().split(/\r?\n/);
const stream = randomStream(2026);
const order = [...stream.permutation(rows.length)];
const wrong = [...stream.choice(Math.round(rows.length / 20), rows.length)].sort((a, b) => a - b);
const lines = order.map((from, to) => {
  const fields = (rows[from] ?? "").split(",");
  const isForged = (fields.pop() === "1") !== wrong.includes(to);
  return [...fields, isForged ? "forged" : "genuine"].join(",");
});
const header = "variance,skewness,curtosis,entropy,note";
writeFileSync(new URL("../examples/banknotes.csv", import.meta.url), `${[header, ...lines].join("\n")}\n`);
writeFileSync(
  new URL("../examples/banknotes-wrong-rows.json", import.meta.url),
  `${JSON.stringify(wrong.map((row) => row + 1))}\n`,
);
console.log(`${lines.length} rows, ${wrong.length} of them with a wrong label`);
