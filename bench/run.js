// @ts-check
// `npm run bench -- NAME`: see README.md beside this file.
import { existsSync } from "node:fs";
import { readdir, rename, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { compare } from "./harness/compare.js";
import { machine, markdown, title } from "./harness/report.js";

const usage =
  "usage: npm run bench -- NAME|all [--repeats ROUNDS] [--threads N] [--json FILE] [--peers-only]   (no NAME: list)";

/** @returns {Promise<{ workload: import("./harness/compare.js").Workload, file: string }[]>} */
async function readWorkloads() {
  const folder = new URL("./", import.meta.url);
  const files = (await readdir(folder)).filter((file) => file.endsWith(".js") && file !== "run.js").sort();
  return Promise.all(
    files.map(async (name) => {
      const file = new URL(name, folder).href;
      return { workload: (await import(file)).default, file };
    }),
  );
}

/**
 * Print an error in one line and end with the exit code of bad input.
 *
 * @param {string} message
 * @returns {never}
 */
function stop(message) {
  console.error(`bench: ${message}`);
  process.exit(2);
}

/**
 * @param {string | undefined} text
 * @param {string} name
 * @param {number} fallback
 */
function positiveInteger(text, name, fallback) {
  if (text === undefined) return fallback;
  if (!/^[1-9]\d*$/.test(text)) stop(`--${name} ${text}: a positive whole number is expected`);
  return Number(text);
}

function readCommandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        repeats: { type: "string" },
        threads: { type: "string" },
        json: { type: "string" },
        "peers-only": { type: "boolean", default: false },
      },
    });
  } catch (error) {
    const [firstSentence] = (error instanceof Error ? error.message : String(error)).split(". ");
    return stop(`${firstSentence} (${usage})`);
  }
}

const { positionals, values } = readCommandLine();
const repeats = positiveInteger(values.repeats, "repeats", 10);
const threads = positiveInteger(values.threads, "threads", 1);
if (values.json !== undefined && !existsSync(dirname(resolve(values.json))))
  stop(`--json ${values.json}: there is no folder ${dirname(resolve(values.json))}`);
const workloads = await readWorkloads();
const [name] = positionals;
if (name === undefined) {
  console.log(usage);
  for (const { workload } of workloads) console.log(`  ${workload.name.padEnd(22)} ${workload.description}`);
  process.exit(0);
}
const chosen = workloads.filter(({ workload }) => name === "all" || workload.name === name);
if (chosen.length === 0)
  stop(
    `no workload ${name}; there are ${workloads.map(({ workload }) => workload.name).join(", ")}, and all`,
  );

/** @type {import("./harness/compare.js").Row[]} */
const rows = [];
let failed = false;
const jsonLines = [JSON.stringify({ machine: machine(), repeats, threads })];
console.log(jsonLines[0]);
for (const { workload, file } of chosen)
  for (const variant of workload.variants ?? [{ name: "", parameters: {} }]) {
    try {
      const options = { repeats, threads, peersOnly: values["peers-only"] === true };
      const row = await compare(workload, file, variant, options);
      rows.push(row);
      jsonLines.push(JSON.stringify(row));
      console.log(jsonLines.at(-1));
    } catch (error) {
      failed = true;
      console.error(
        `bench: ${title(workload.name, variant.name)}: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
console.log(`\n${markdown(rows)}`);
if (values.json !== undefined) {
  await writeFile(`${values.json}.partial`, `${jsonLines.join("\n")}\n`);
  await rename(`${values.json}.partial`, values.json);
}
if (failed) process.exitCode = 1;
