// @ts-check
import { cpus, platform, release, totalmem } from "node:os";

/** The machine and the runtime, for the head of a report. */
export function machine() {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${platform()} ${release()}`,
    node: process.version,
  };
}

/**
 * A Markdown report: the machine, the versions, one table row for each side of each comparison.
 *
 * @param {import("./compare.js").Row[]} rows
 */
export function markdown(rows) {
  const { cpu, cores, memory, system, node } = machine();
  const versions = Object.assign({}, ...rows.flatMap(({ sides }) => sides.map((side) => side.versions)));
  const libraries = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const lines = [
    [`${cpu}, ${cores} cores, ${memory}, ${system}, Node ${node}`, ...libraries].join(", "),
    "",
    "| workload | threads | side | median | quartiles | ours / peer (95% interval) | must reach | aim | |",
    "|---|---|---|---|---|---|---|---|---|",
    ...rows.flatMap((row) => row.sides.map((side) => tableRow(row, side))),
  ];
  const forms = rows.flatMap(({ workload, variant, sides }) =>
    sides.flatMap(({ name, form }) => (form ? [`- ${title(workload, variant)}, ${name}: ${form}`] : [])),
  );
  const notes = rows.flatMap(({ workload, variant, sides }) =>
    sides.flatMap(({ name, note }) => (note ? [`- ${title(workload, variant)}, ${name}: ${note}`] : [])),
  );
  const skipped = rows.flatMap(({ workload, variant, skipped }) =>
    Object.entries(skipped).map(([name, why]) => `- ${title(workload, variant)}, ${name}: ${why}`),
  );
  if (forms.length > 0) lines.push("", "The fastest form, chosen before timing:", ...forms);
  if (notes.length > 0) lines.push("", "What the work came to:", ...notes);
  if (skipped.length > 0) lines.push("", "Skipped:", ...skipped);
  return lines.join("\n");
}

/**
 * @param {import("./compare.js").Row} row
 * @param {import("./compare.js").Row["sides"][number]} side
 */
function tableRow({ workload, variant, threads, target, aim, against }, side) {
  const { name, median, quartiles, ratio, interval } = side;
  const judged = against === null ? name === "ours" : name === against;
  const value = against === null ? median : ratio;
  const limit = (/** @type {number} */ number) => (against === null ? formatTime(number) : number.toFixed(2));
  const cells = [
    title(workload, variant),
    threads,
    name,
    formatTime(median),
    quartiles.map(formatTime).join(" to "),
    ratio === undefined ? "" : `${ratio.toFixed(3)} (${interval?.map((x) => x.toFixed(3)).join(" to ")})`,
    judged ? limit(target) : "",
    judged ? limit(aim) : "",
    judged && value !== undefined ? verdict(value, target, aim) : "",
  ];
  return `| ${cells.join(" | ")} |`;
}

/**
 * @param {number} value
 * @param {number} target
 * @param {number} aim
 */
function verdict(value, target, aim) {
  return value <= aim ? "aim reached" : value <= target ? "reached" : "missed";
}

/**
 * @param {string} workload
 * @param {string} variant
 */
export function title(workload, variant) {
  return variant === "" ? workload : `${workload} ${variant}`;
}

/** @param {number} seconds */
export function formatTime(seconds) {
  if (seconds < 1e-3) return `${(seconds * 1e6).toPrecision(3)} us`;
  return seconds < 1 ? `${(seconds * 1e3).toPrecision(3)} ms` : `${seconds.toPrecision(3)} s`;
}
