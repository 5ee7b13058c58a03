// @ts-check
import { createInterface } from "node:readline";

/**
 * One side of a comparison, ready to be timed.
 *
 * @typedef {object} Work
 * @property {() => unknown} run does `unit` units of work; may return a promise
 * @property {number} unit a sample is the time of one `run` divided by this
 * @property {number[]} check a few numbers of the result, compared with the other side's
 * @property {Record<string, string>} versions of the libraries that do the work
 * @property {string} [form] which way of writing the work was chosen, where there are several
 */

/**
 * Answer the harness by the line protocol that peers/protocol.py states: one line `{"ready": ...}` once warm,
 * then for each line `run N` one line `{"samples": [...]}` of N times in seconds.
 *
 * @param {(parameters: Record<string, string | number>, threads: number) => Promise<Work>} prepare
 * @param {string[]} [commandLine] `--threads N --name value ...`
 */
export async function serve(prepare, commandLine = process.argv.slice(2)) {
  const { threads, ...parameters } = readParameters(commandLine);
  const { run, unit, check, versions, form } = await prepare(parameters, Number(threads ?? 1));
  const time = async () => {
    const start = process.hrtime.bigint();
    // Awaiting what is no promise would add a turn of the event loop to the time.
    const pending = run();
    if (pending instanceof Promise) await pending;
    return Number(process.hrtime.bigint() - start) / 1e9;
  };
  for (let spent = 0; spent < 1; ) spent += await time();
  answer({ ready: { versions, form, check } });
  for await (const line of createInterface({ input: process.stdin })) {
    const [word, count] = line.trim().split(" ");
    if (word !== "run") break;
    const samples = [];
    for (let i = 0; i < Number(count); i++) samples.push((await time()) / unit);
    answer({ samples });
  }
  process.exit(0);
}

/** @param {unknown} message */
function answer(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/**
 * @param {string[]} commandLine
 * @returns {Record<string, string | number>}
 */
function readParameters(commandLine) {
  /** @type {Record<string, string | number>} */
  const parameters = {};
  for (let i = 0; i + 1 < commandLine.length; i += 2) {
    const name = String(commandLine[i]).replace(/^--/, "");
    const value = String(commandLine[i + 1]);
    parameters[name] = Number.isNaN(Number(value)) ? value : Number(value);
  }
  return parameters;
}
