// @ts-check
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { peerCommand } from "./peers.js";
import { startSide } from "./side.js";
import { ratioOfMedians, summarize } from "./statistics.js";

/**
 * One file of bench/.
 *
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} description
 * @property {number} target what must be reached: the ratio ours/peer of medians, or seconds where there is no peer
 * @property {number} aim
 * @property {(context: object) => Promise<object>} ours see harness/ours.js and harness/serve.js
 * @property {Record<string, string>} peer name of each peer to its file in bench/peers; the first sets the ratio
 * @property {number} [samplesPerRound] 5 by default; fewer where one takes seconds
 * @property {Variant[]} [variants] runs of the same workload with other parameters
 *
 * @typedef {object} Variant
 * @property {string} name
 * @property {Record<string, string | number>} parameters given to both sides as `--name value`
 * @property {number} [target] instead of the workload's
 * @property {number} [aim] instead of the workload's
 * @property {string[]} [peers] only these, where not every peer can do the variant
 */

/**
 * Time our side and the peers in turns, round after round, and summarise.
 *
 * @param {Workload} workload
 * @param {string} file the workload's file, as a URL
 * @param {Variant} variant
 * @param {object} options
 * @param {number} options.repeats rounds
 * @param {number} options.threads of each side
 * @param {boolean} options.peersOnly leave our side out
 * @throws Error when our side does not start, or when a peer's result differs from ours
 */
export async function compare(workload, file, variant, { repeats, threads, peersOnly }) {
  const { samplesPerRound = 5 } = workload;
  const parameters = Object.entries(variant.parameters).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ]);
  const flags = ["--threads", String(threads), ...parameters];
  /** @type {import("./side.js").Side[]} */
  const sides = [];
  /** @type {Record<string, string>} */
  const skipped = {};
  try {
    if (!peersOnly) {
      if (!existsSync(new URL("../../dist/engine/index.js", import.meta.url)))
        throw new Error("dist/engine is missing: run `npm run build` first, or measure with --peers-only");
      const runner = fileURLToPath(new URL("./ours.js", import.meta.url));
      sides.push(await startSide("ours", [process.execPath, runner, file, ...flags], threads));
    }
    for (const [name, script] of Object.entries(workload.peer)) {
      if (variant.peers !== undefined && !variant.peers.includes(name)) continue;
      const found = peerCommand(script);
      if ("missing" in found) skipped[name] = found.missing;
      else sides.push(await startSide(name, [...found.command, ...flags], threads));
    }
    compareResults(sides, variant.parameters.dtype === "float64" ? 1e-8 : 2e-3);
    /** @type {Record<string, number[][]>} */
    const rounds = Object.fromEntries(sides.map((side) => [side.name, []]));
    for (let round = 0; round < repeats; round++)
      for (const side of round % 2 === 0 ? sides : sides.toReversed())
        rounds[side.name]?.push(await side.run(samplesPerRound));
    return summarizeRow(workload, variant, threads, sides, rounds, skipped);
  } finally {
    for (const side of sides) side.stop();
  }
}

/**
 * @param {Workload} workload
 * @param {Variant} variant
 * @param {number} threads
 * @param {import("./side.js").Side[]} sides
 * @param {Record<string, number[][]>} rounds
 * @param {Record<string, string>} skipped
 */
function summarizeRow(workload, variant, threads, sides, rounds, skipped) {
  const ours = rounds.ours;
  const [reference] = Object.keys(workload.peer);
  return {
    workload: workload.name,
    variant: variant.name,
    threads,
    target: variant.target ?? workload.target,
    aim: variant.aim ?? workload.aim,
    /** whether target and aim are ratios to this peer, or seconds */
    against: reference ?? null,
    sides: sides.map(({ name, ready }) => {
      const samples = rounds[name] ?? [];
      return {
        name,
        ...summarize(samples),
        ...(ours !== undefined && name !== "ours" ? ratioOfMedians(ours, samples) : {}),
        form: ready.form ?? null,
        note: ready.note ?? null,
        versions: ready.versions,
      };
    }),
    skipped,
  };
}

/** @typedef {ReturnType<typeof summarizeRow>} Row */

/**
 * A faster wrong answer is no answer.
 *
 * @param {import("./side.js").Side[]} sides
 * @param {number} tolerance relative
 */
function compareResults([first, ...others], tolerance) {
  if (first === undefined) return;
  for (const side of others)
    for (const [index, expected] of first.ready.check.entries()) {
      const found = side.ready.check[index] ?? Number.NaN;
      if (!(Math.abs(found - expected) <= tolerance * Math.abs(expected)))
        throw new Error(
          `results differ: number ${index} is ${expected} in ${first.name} and ${found} in ${side.name}`,
        );
    }
}
