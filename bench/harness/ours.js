// @ts-check
// The process that runs our side of a workload: `node ours.js WORKLOAD.js --threads N --name value ...`
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { labels, uniform } from "./data.js";
import { serve } from "./serve.js";

const [file, ...commandLine] = process.argv.slice(2);
const { default: workload } = await import(String(file));
const engineName = "fallline/engine";
const engine = await import(engineName);
const op = await import(`${engineName}/ops`);

serve(async (parameters, threads) => {
  const work = await workload.ours({ engine, op, uniform, labels, parameters, threads });
  return { versions: await versions(), ...work };
}, commandLine);

async function versions() {
  const require = createRequire(import.meta.url);
  /** @param {string | URL} path */
  const versionIn = async (path) => JSON.parse(await readFile(path, "utf8")).version;
  return {
    fallline: await versionIn(new URL("../../package.json", import.meta.url)),
    onnxruntime: await versionIn(require.resolve("onnxruntime-node/package.json")),
  };
}
