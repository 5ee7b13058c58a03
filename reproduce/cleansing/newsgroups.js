// Messages of two newsgroups as tf-idf of their words, without headers, quotes and signatures.
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { fileOf } from "../harness/files.js";

const block = 512;

/** The regular files of a tar archive. */
function* membersOf(archive) {
  const text = (from, length) => archive.toString("latin1", from, from + length).replace(/\0.*$/s, "");
  for (let at = 0; at + block <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    if (["0", ""].includes(text(at + 156, 1))) yield { name: text(at, 100), body: text(at + block, size) };
    at += block + Math.ceil(size / block) * block;
  }
}

/** What the writer wrote: neither the lines before the first empty one, nor quoted lines, nor a last block after dashes. */
function ownWords(message) {
  const body = message.slice(message.search(/\r?\n\r?\n/) + 1);
  const lines = body
    .trim()
    .split(/\r?\n/)
    .filter((line) => !/(writes in|writes:|wrote:|says:|said:|^In article|^Quoted from|^\||^>)/.test(line));
  const last = lines.findLastIndex((line, i) => i > 0 && /^-*\s*$/.test(line));
  return (
    (last > 0 ? lines.slice(0, last) : lines)
      .join("\n")
      .toLowerCase()
      .match(/\b\w\w+\b/g) ?? []
  );
}

/**
 * The rows of ibm-mac.tar.gz: a word counts when at least two messages and at most a fifth of them have it.
 *
 * @param {string | undefined} data
 * @returns {Promise<import("./problems.js").Rows>}
 */
export async function newsgroupRows(data) {
  const file = fileOf(data, { folder: "newsgroups", name: "ibm-mac.tar.gz" });
  const messages = [...membersOf(gunzipSync(await readFile(file)))];
  const counts = messages.map(({ body }) => countsOf(ownWords(body)));
  const holders = countsOf(counts.flatMap((words) => [...words.keys()]));
  const vocabulary = [...holders].filter(([, count]) => count >= 2 && count <= 0.2 * messages.length);
  const places = new Map(vocabulary.map(([word], place) => [word, place]));
  const rarity = vocabulary.map(([, count]) => Math.log((1 + messages.length) / (1 + count)) + 1);
  const width = vocabulary.length;
  return {
    classes: messages.map((message) => (message.name.includes(".mac.") ? 1 : 0)),
    width,
    features(rows) {
      const out = new Float64Array(rows.length * width);
      for (const [i, row] of [...rows].entries()) {
        const known = [...counts[row]].filter(([word]) => places.has(word));
        const entries = known.map(([word, count]) => [places.get(word), count * rarity[places.get(word)]]);
        const norm = Math.hypot(...entries.map(([, value]) => value));
        for (const [place, value] of entries) out[i * width + place] = value / norm;
      }
      return out;
    },
  };
}

function countsOf(words) {
  const counts = new Map();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
