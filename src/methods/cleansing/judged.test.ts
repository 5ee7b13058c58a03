import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { InputError } from "../../data/input-error.ts";
import { takeRows } from "../../engine/ndarray.ts";
import { randomStream } from "../../numeric/random.ts";
import { examplesAt } from "../../training/problem.ts";
import { judgedBy } from "./judged.ts";
import { prepareData } from "./prepared-data.ts";

const folder = mkdtempSync(join(tmpdir(), "fallline-judged-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "a.csv");
writeFileSync(file, `v,c\n${Array.from({ length: 30 }, (_, i) => `${i ** 2},${"xy"[i % 2]}`).join("\n")}\n`);
const prepared = await prepareData({ data: file, label: "c", stream: randomStream(1) });
const { train, validation, test } = prepared.parts;

it("is all of the validation rows, or one row that does not train", () => {
  expect(judgedBy("validation", prepared)).toEqual({
    examples: validation.examples,
    words: "the validation loss",
  });
  for (const part of [validation, test]) {
    const { examples, words } = judgedBy(`row:${part.rows[2]}`, prepared);
    expect(examples).toEqual({ x: takeRows(part.examples.x, [2]), y: takeRows(part.examples.y, [2]) });
    expect(words).toBe(`the loss of row ${part.rows[2]} (${"yx"[(part.rows[2] ?? 0) % 2]})`);
  }
  expect(examplesAt(train.examples, [3, 1]).y.data).toEqual(
    BigInt64Array.of(...[3, 1].map((i) => BigInt(train.examples.y.data[i] ?? 9))),
  );
});

it.each([
  [`row:${train.rows[0]}`, /^--query row:\d+: the row is one of those trained on, .* such as row:\d+$/],
  ["row:31", /^--query row:31: there is no such row among those used/],
  ["row:0", /^--query: expected validation or row:N \(N counts from 1\), found "row:0"$/],
  ["row:1e3", /found "row:1e3"$/],
  ["row: 2", /found "row: 2"$/],
  ["test", /found "test"$/],
])("refuses %j", (query, message) => {
  expect(() => judgedBy(query, prepared)).toThrow(InputError);
  expect(() => judgedBy(query, prepared)).toThrow(message);
});
