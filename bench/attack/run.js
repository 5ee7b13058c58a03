// The attack of the leakage method against its reference form in PyTorch: whole attacks on real images, image and label
// recovered together, both sides with the same networks, images and starts, in turns on one thread each.
//
//   npm run bench:attack -- [--mnist FOLDER] [--cifar FILE] [--count 10] [--peer-count 3] [--evaluations 4000]
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { array, savez } from "numpy-ts";
import { readCifar10 } from "../../dist/data/cifar.js";
import { readIdxImages } from "../../dist/data/idx.js";
import { ndarray } from "../../dist/engine/index.js";
import { lenet, recover, sharedGradient } from "../../dist/methods/leakage/index.js";
import { randomStream } from "../../dist/numeric/random.js";
import { peerCommand } from "../harness/peers.js";
import { median } from "../harness/statistics.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const shared = process.env.FALLLINE_SHARED ?? join(repository, "../shared");
const success = 1e-4;

const { values: options } = parseArgs({
  options: {
    mnist: { type: "string", default: join(shared, "data/mnist") },
    cifar: { type: "string", default: join(shared, "data/cifar10/test_batch.bin.gz") },
    count: { type: "string", default: "10" },
    "peer-count": { type: "string", default: "3" },
    evaluations: { type: "string", default: "4000" },
  },
});
const count = Number(options.count);
const peerCount = Math.min(count, Number(options["peer-count"]));
const evaluations = Number(options.evaluations);

/** The first images of each data set that is there, as the two variants of the network take them. */
async function readSets() {
  const sets = [];
  const images = join(options.mnist, "t10k-images-idx3-ubyte.gz");
  const labels = join(options.mnist, "t10k-labels-idx1-ubyte.gz");
  if (existsSync(images))
    sets.push({
      name: "MNIST",
      model: lenet({ channels: 1 }),
      ...(await readIdxImages({ images, labels }, { count })),
    });
  if (existsSync(options.cifar))
    sets.push({ name: "CIFAR-10", model: lenet(), ...(await readCifar10(options.cifar, { count })) });
  if (sets.length === 0)
    throw new Error(`no data in ${options.mnist} and ${options.cifar}: give --mnist or --cifar`);
  return sets;
}

/** One client: an image, its label, a network, and where the attacker starts. */
function caseOf({ model, images, labels }, i) {
  const size = images.data.length / images.shape[0];
  const pixels = Float64Array.from(images.data.subarray(i * size, (i + 1) * size), (value) => value / 255);
  const [weights, start] = randomStream(1234 + i).spawn(2);
  return {
    x: ndarray(pixels, [1, ...model.inputShape], "float64"),
    label: Number(labels.data[i]),
    parameters: model.init(weights, "float64"),
    start,
  };
}

/** Our attack, stopped by the judge where the true error is below the bound. */
async function ours(model, { x, label, parameters, start }) {
  const gradient = await sharedGradient({ model, parameters, x, labels: [label], dtype: "float64" });
  const judge = new AbortController();
  const seen = { evaluations: 0, mse: Number.NaN };
  const began = performance.now();
  try {
    await recover({
      model,
      parameters,
      gradient,
      stream: start,
      evaluations,
      signal: judge.signal,
      onStep: ({ evaluation, images }) => {
        seen.evaluations = evaluation;
        seen.mse = images.reduce((sum, pixel, k) => sum + (pixel - x.data[k]) ** 2, 0) / images.length;
        if (seen.mse < success) judge.abort(new Error("recovered"));
      },
    });
  } catch (error) {
    if (!judge.signal.aborted) throw error;
  }
  return { ...seen, seconds: (performance.now() - began) / 1000 };
}

/** The cases as the peer's script reads them. */
async function writeCases(path, model, cases) {
  const starts = cases.map((_, i) =>
    randomStream(1234 + i)
      .spawn(2)[1]
      .normal(pixelsOf(model) + model.classes),
  );
  const stackOf = (arrays) =>
    array(arrays.flatMap((data) => Array.from(data))).reshape([cases.length, ...arrays[0].shape]);
  const entries = {
    images: stackOf(cases.map(({ x }) => withShape(x.data, model.inputShape))),
    labels: array(cases.map(({ label }) => label)),
    start_images: stackOf(
      starts.map((start) => withShape(start.subarray(0, pixelsOf(model)), model.inputShape)),
    ),
    start_logits: stackOf(starts.map((start) => withShape(start.subarray(pixelsOf(model)), [model.classes]))),
  };
  for (const [layer, kinds] of Object.entries(cases[0].parameters))
    for (const kind of Object.keys(kinds))
      entries[`${layer}_${kind}`] = stackOf(
        cases.map(({ parameters }) => withShape(parameters[layer][kind].data, parameters[layer][kind].shape)),
      );
  await savez(path, entries);
}

const withShape = (data, shape) => Object.assign(data.slice(), { shape });
const pixelsOf = (model) => model.inputShape.reduce((a, b) => a * b, 1);

function peerAttack([program, ...before], cases, i) {
  const limits = ["--threads", "1", "--max-evaluations", String(evaluations)];
  const { stdout, stderr, status } = spawnSync(program, [...before, cases, "--cases", String(i), ...limits], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the peer failed: ${stderr}`);
  return JSON.parse(stdout);
}

function report(name, side, results) {
  const reached = results.filter(({ mse }) => mse < success);
  const of = (values) => (values.length === 0 ? "-" : median(values));
  const line = {
    set: name,
    side,
    attacks: results.length,
    recovered: reached.length,
    evaluations: of(reached.map((result) => result.evaluations)),
    secondsPerAttack: of(reached.map((result) => result.seconds)),
    millisecondsPerEvaluation: of(results.map((result) => (1000 * result.seconds) / result.evaluations)),
  };
  console.log(JSON.stringify(line));
  return line;
}

const { command, missing } = peerCommand("lbfgs_attack.py");
const folder = mkdtempSync(join(tmpdir(), "fallline-attack-"));
const lines = [];
for (const set of await readSets()) {
  const cases = Array.from({ length: count }, (_, i) => caseOf(set, i));
  const file = join(folder, `${set.name}.npz`);
  if (command !== undefined) await writeCases(file, set.model, cases.slice(0, peerCount));
  const results = { ours: [], PyTorch: [] };
  for (const [i, one] of cases.entries()) {
    results.ours.push(await ours(set.model, one));
    if (command !== undefined && i < peerCount) results.PyTorch.push(peerAttack(command, file, i));
  }
  lines.push(report(set.name, "ours", results.ours));
  if (command === undefined) console.log(`PyTorch: skipped, ${missing}`);
  else {
    if (peerCount < count)
      lines.push(report(set.name, `ours, the first ${peerCount}`, results.ours.slice(0, peerCount)));
    lines.push(report(set.name, "PyTorch", results.PyTorch));
  }
}
rmSync(folder, { recursive: true, force: true });

console.log("\n| images | side | recovered | evaluations, median | seconds an attack | ms an evaluation |");
console.log("|---|---|---|---|---|---|");
for (const {
  set,
  side,
  attacks,
  recovered,
  evaluations: spent,
  secondsPerAttack,
  millisecondsPerEvaluation,
} of lines) {
  const round = (value) => (typeof value === "number" ? Number(value.toPrecision(3)) : value);
  console.log(
    `| ${set} | ${side} | ${recovered} of ${attacks} | ${spent} | ${round(secondsPerAttack)} | ${round(millisecondsPerEvaluation)} |`,
  );
}
