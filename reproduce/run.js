// @ts-check
// `npm run reproduce -- METHOD [--quick] [--data FOLDER] [--threads N] [--only TABLE] [--figures FOLDER]`: the statistical
// claims of a method, measured again and printed as Markdown tables beside the published numbers. Needs `npm run build`.
import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const usage =
  "usage: npm run reproduce -- METHOD [--quick] [--data FOLDER] [--threads N] [--only TABLE] [--figures FOLDER]";

/**
 * Print an error in one line and end with the exit code of bad input.
 *
 * @param {string} message
 * @returns {never}
 */
function stop(message) {
  console.error(`reproduce: ${message}`);
  process.exit(2);
}

function readCommandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: "boolean", default: false },
        data: { type: "string" },
        threads: { type: "string" },
        only: { type: "string" },
        figures: { type: "string" },
      },
    });
  } catch (error) {
    const [firstSentence] = (error instanceof Error ? error.message : String(error)).split(". ");
    return stop(`${firstSentence} (${usage})`);
  }
}

const { positionals, values } = readCommandLine();
const [method] = positionals;
const methods = ["cleansing", "leakage"];
if (method === undefined || !methods.includes(method))
  stop(
    `${method === undefined ? "no method given" : `no method ${method}`}; there is ${methods.join(", ")} (${usage})`,
  );
if (values.threads !== undefined && !/^[1-9]\d*$/.test(values.threads))
  stop(`--threads ${values.threads}: a positive whole number is expected`);
if (values.data !== undefined && !existsSync(values.data))
  stop(`--data ${values.data}: there is no such folder`);
if (!existsSync(new URL("../dist/index.js", import.meta.url)))
  stop("there is no dist/; run npm run build first");

const folder = new URL(`./${method}/`, import.meta.url);
const names = (await readdir(folder)).filter((file) => file.endsWith("-table.js")).sort();
/** @typedef {{ table: string, figures?: Record<string, string> }} Made figures: the text of SVG files by their names */
/** @type {{ name: string, title: string, run: (options: object) => Promise<string | Made> }[]} */
const tables = await Promise.all(
  names.map(async (file) => ({
    name: file.replace("-table.js", ""),
    ...(await import(new URL(file, folder).href)).default,
  })),
);
const chosen = tables.filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0)
  stop(`--only ${values.only}: expected one of ${tables.map(({ name }) => name).join(", ")}`);

/**
 * @param {string} into
 * @param {Record<string, string>} figures
 */
async function writeFigures(into, figures) {
  for (const [name, svg] of Object.entries(figures)) {
    await mkdir(into, { recursive: true });
    await writeFile(join(into, `${name}.svg`), svg);
  }
}

const options = {
  quick: values.quick,
  data: values.data,
  threads: values.threads === undefined ? availableParallelism() : Number(values.threads),
};
const began = performance.now();
for (const { title, run } of chosen) {
  const start = performance.now();
  try {
    const made = await run(options);
    const { table, figures = {} } = typeof made === "string" ? { table: made } : made;
    console.log(`### ${title}\n\n${table}\n`);
    if (values.figures !== undefined) await writeFigures(values.figures, figures);
  } catch (error) {
    if (error instanceof Error && error.name === "InputError") stop(error.message);
    throw error;
  }
  console.error(`(${((performance.now() - start) / 1000).toFixed(0)} s)`);
}
console.error(`${values.quick ? "quick: " : ""}${((performance.now() - began) / 1000).toFixed(0)} s in all`);
