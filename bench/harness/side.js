// @ts-check
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/**
 * @typedef {{ versions: Record<string, string>, form?: string | null, check: number[], note?: string | null }} Ready
 * @typedef {object} Side one side of a comparison: a child process that lives as long as the comparison
 * @property {string} name
 * @property {Ready} ready
 * @property {(count: number) => Promise<number[]>} run times `count` samples, in seconds for a unit of work
 * @property {() => void} stop
 */

/**
 * Start a side and wait until it is warm.
 *
 * @param {string} name
 * @param {readonly string[]} command program and arguments
 * @param {number} threads
 * @returns {Promise<Side>}
 * @throws Error with the last line the process wrote when it ends before it is ready
 */
export async function startSide(name, command, threads) {
  const [program, ...programArguments] = command;
  const child = spawn(String(program), programArguments, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) },
  });
  let complaint = "";
  child.stderr.on("data", (chunk) => {
    complaint = (complaint + chunk).slice(-4000);
  });
  child.on("error", (error) => {
    complaint += error.message;
  });
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const receive = async () => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${name} ended: ${cause(complaint)}`);
      // A library may print to standard output; an answer is always an object.
      if (value.startsWith("{")) return JSON.parse(value);
    }
  };
  const { ready } = await receive();
  return {
    name,
    ready,
    run: async (count) => {
      child.stdin.write(`run ${count}\n`);
      return (await receive()).samples;
    },
    stop: () => {
      child.stdin.end("stop\n");
    },
  };
}

/**
 * The line of a stack trace, of Node or of Python, that names the error.
 *
 * @param {string} complaint
 */
function cause(complaint) {
  const lines = complaint.split("\n").filter((line) => line.trim() !== "");
  return lines.findLast((line) => /^\S*(Error|Exception)\b/.test(line)) ?? lines.at(-1) ?? "no message";
}
