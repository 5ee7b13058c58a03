// @ts-check
// `node bench/cleansing/memory.js`: what the walk back of `cleansing-influence-digits` in float32 takes of memory, in a
// process of its own, against the recorded trajectory; to be at most 1.3 times that.
import { memoryUsage, resourceUsage } from "node:process";
import { cleansingCase } from "./cases.js";

const [cleansing, training] = ["fallline/cleansing", "fallline/training"];
const { linearInfluence, lossQuery, train } = await import(cleansing);
const { recordSize } = await import(training);

const { options, validation } = await cleansingCase("digits-perceptron", "float32", 1);
const { bytes } = recordSize(options);
// What Node, the data, the runtime and its compiled graphs take whatever the number of steps: as after a short training.
const short = await train({ ...options, steps: 100 });
await linearInfluence(short.record, [await lossQuery(short.record, validation)]);
await short.record.dispose();
const before = memoryUsage.rss();
const { record } = await train(options);
const query = await lossQuery(record, validation);
const trained = resourceUsage().maxRSS * 1024;
await linearInfluence(record, [query]);
const peak = resourceUsage().maxRSS * 1024;

/** @param {number} size */
const megabytes = (size) => `${Math.round(size / 1e6)} MB`;
console.log(`recorded trajectory:                   ${megabytes(bytes)}`);
console.log(`before the training (after a short one):${megabytes(before)}`);
console.log(`most until the walk back:              ${megabytes(trained)}`);
console.log(`most at its end:                       ${megabytes(peak)}`);
console.log(
  `most less what was before the training: ${((peak - before) / bytes).toFixed(2)} times the trajectory`,
);
