// @ts-check
import { createInterface } from "node:readline";

/**
 * One side of a comparison, ready to be timed.
 *
 * @typedef {object} Work
 * @property {Run | Record<string, Run>} run does `unit` units of work; or names to several ways of doing it, of which the
 *   fastest on this machine is chosen before timing
 * @property {number} unit a sample is the time of one `run` divided by this
 * @property {number[]} check a few numbers of the result, compared with the other side's
 * @property {Record<string, string>} versions of the libraries that do the work
 * @property {string} [note] what the work came to, for the report
 *
 * @typedef {() => unknown} Run may return a promise
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
  const { run, unit, check, versions, note } = await prepare(parameters, Number(threads ?? 1));
  const [form, work] = typeof run === "function" ? [undefined, run] : await fastest(run);
  await warmUp(work);
  answer({ ready: { versions, form, check, note } });
  for await (const line of createInterface({ input: process.stdin })) {
    const [word, count] = line.trim().split(" ");
    if (word !== "run") break;
    const samples = [];
    for (let i = 0; i < Number(count); i++) samples.push((await time(work)) / unit);
    answer({ samples });
  }
  process.exit(0);
}

/** @param {Run} run */
async function time(run) {
  const start = process.hrtime.bigint();
  const pending = run();
  // Awaiting what is no promise would add a turn of the event loop to the time.
  if (pending instanceof Promise) await pending;
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/**
 * Run for a second, and say the shortest time of one run.
 *
 * @param {Run} run
 */
async function warmUp(run) {
  let shortest = Number.POSITIVE_INFINITY;
  for (let spent = 0, last = 0; spent < 1; spent += last) {
    last = await time(run);
    shortest = Math.min(shortest, last);
  }
  return shortest;
}

/**
 * @param {Record<string, Run>} forms
 * @returns {Promise<[string, Run]>}
 */
async function fastest(forms) {
  /** @type {[string, Run, number][]} */
  const timed = [];
  for (const [name, run] of Object.entries(forms)) timed.push([name, run, await warmUp(run)]);
  const [best] = timed.sort(([, , a], [, , b]) => a - b);
  if (best === undefined) throw new Error("there is nothing to run");
  return [best[0], best[1]];
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
