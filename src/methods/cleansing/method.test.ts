import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure } from "../../data/binary-files.testing.ts";
import { randomStream } from "../../numeric/random.ts";
import { examplesAt } from "../../training/problem.ts";
import { retrainWithout } from "../../training/retrain.ts";
import { executeCleansing, tableOf } from "./commands.testing.ts";
import { linearInfluence } from "./influence.ts";
import { meanLosses } from "./mean-losses.ts";
import { openTraining } from "./opened-training.ts";
import { findRow } from "./prepared-data.ts";
import { lossQuery } from "./query.ts";
import { rankSchema } from "./rank-command.ts";
import { trainRecorded } from "./training-setup.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fallline-cleansing-"));
  await writeFile(join(folder, "points.csv"), table());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Rows of the file whose label is the wrong one. */
const wrong = [5, 18, 33, 47, 62, 71];

/** 80 points, far from the line between their classes. */
function table(): string {
  const points = randomStream(4).normal(160);
  const lines = Array.from({ length: 80 }, (_, i) => {
    const [a = 0, b = 0] = points.slice(2 * i);
    const isUp = a + b > 0;
    const push = isUp ? 1 : -1;
    return `${a + push},${b + push},${isUp === wrong.includes(i + 1) ? "down" : "up"}`;
  });
  return `a,b,side\n${lines.join("\n")}\n`;
}

const seed = 5;
const training = { label: "side", epochs: 4, batch: 8, learningRate: 0.3 };
const quick = { ...training, verify: 0, orders: 0, refine: "no" };

const execute = (command: string, given: Record<string, unknown>, name: string) =>
  executeCleansing(command, given, { seed, out: join(folder, name) });
const rank = (given: Record<string, unknown>, name: string) =>
  execute("rank", { data: join(folder, "points.csv"), ...given }, name);

/** The training of a ranking, done again. */
async function trainedAs(given: Record<string, unknown>) {
  const parameters = rankSchema.parse({ data: join(folder, "points.csv"), ...given });
  const signal = new AbortController().signal;
  const opened = await openTraining(parameters, randomStream(seed), { signal, note() {}, progress() {} });
  const { record, parameters: end } = await trainRecorded(opened.options, { states: "all" });
  return { ...opened, record, end };
}

describe("cleansing rank", () => {
  it.each(["logistic", "mlp:4"])("scores every training row and proves some: %s", async (model) => {
    const given = { ...training, model, verify: 6, orders: 2 };
    const { out, result } = await rank(given, `rank-${model.slice(0, 3)}`);
    const manifest = JSON.parse(readFileSync(join(out, "artifacts/manifest.json"), "utf8")) as {
      parts: Record<"train" | "validation" | "test", number[]>;
    };
    const { train, validation, test } = manifest.parts;
    expect([...train, ...validation, ...test].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 80 }, (_, i) => i + 1),
    );
    const rows = tableOf(out, "scores");
    const scores = rows.map(({ score }) => Number(score));
    expect(rows.map(({ row }) => Number(row)).sort((a, b) => a - b)).toEqual(train);
    expect(scores).toEqual([...scores].sort((a, b) => a - b));
    for (const row of rows)
      expect(row["removing it"]).toBe(`${Number(row.score) < 0 ? "lowers" : "raises"} the validation loss`);
    const planted = wrong.filter((row) => train.includes(row));
    expect(planted.length).toBeGreaterThan(2);
    const doubtful = [...rows].sort((a, b) => Number(a["self-confidence"]) - Number(b["self-confidence"]));
    const found = doubtful.slice(0, planted.length).map(({ row }) => Number(row));
    expect(found.sort((a, b) => a - b)).toEqual(planted);
    expect(planted).toContain(Number(rows[0]?.row));

    const { record, end, judged } = await trainedAs(given);
    const verified = rows.filter(({ retrained }) => retrained !== "");
    expect(verified).toHaveLength(6);
    expect(rows.slice(0, 3)).toEqual(verified.slice(0, 3));
    const places = verified.map(({ row }) => train.indexOf(Number(row)));
    const ends = await retrainWithout(
      record,
      places.map((place) => [place]),
    );
    const [usual = Number.NaN, ...others] = await meanLosses(record, [end, ...ends], judged.examples);
    for (const [i, { retrained, corrected, score }] of verified.entries()) {
      const effect = (others[i] ?? Number.NaN) - usual;
      expect(Math.abs(Number(retrained) - effect)).toBeLessThan(1e-12);
      for (const predicted of [score, corrected])
        expect(Math.abs(Number(predicted) - effect)).toBeLessThan(0.5 * Math.abs(effect) + 1e-4);
    }
    expect(result.values).toMatchObject({ rows: { train: 48, validation: 16, test: 16 }, loss: usual });
    await record.dispose();
  });

  it("gives the same scores to the last digit whichever states are stored", async () => {
    const scores = async (record: string) => {
      const { out } = await rank({ ...quick, model: "mlp:4", record }, `record-${record.replace(":", "-")}`);
      return readFileSync(join(out, "tables/scores.csv"), "utf8");
    };
    const all = await scores("all");
    for (const record of ["sqrt", "log", "every:3", "auto", "last-epochs:4"])
      expect(await scores(record)).toBe(all);
    const { record, judged, prepared } = await trainedAs({ ...quick, model: "mlp:4" });
    const [influence] = await linearInfluence(record, [await lossQuery(record, judged.examples)], {
      lastEpochs: 1,
    });
    const { out } = await rank({ ...quick, model: "mlp:4", record: "last-epochs:1" }, "last");
    for (const { row, score } of tableOf(out, "scores"))
      expect(Number(score)).toBe(influence?.scores[findRow(prepared, Number(row))?.index ?? -1]);
    await record.dispose();
  });

  it("asks for the loss of one row, and refuses one that trains", async () => {
    const { record, prepared } = await trainedAs(quick);
    const { train, test } = prepared.parts;
    const [asked = 0] = test.rows;
    const { out } = await rank({ ...quick, query: `row:${asked}` }, "query");
    const query = await lossQuery(record, examplesAt(test.examples, [0]));
    const [influence] = await linearInfluence(record, [query]);
    for (const { row, score, ...cells } of tableOf(out, "scores")) {
      expect(Number(score)).toBe(influence?.scores[train.rows.indexOf(Number(row))]);
      expect(cells["removing it"]).toMatch(new RegExp(`the loss of row ${asked} \\((up|down)\\)$`));
    }
    await record.dispose();
  });

  it.each([
    [{ label: "colour" }, /there is no column "colour"; expected a, b, side/],
    [{ query: "row:1000" }, /--query row:1000: there is no such row/],
    [{ query: "rows" }, /--query: expected validation or row:N/],
    [{ record: "every:0" }, /--record: expected all, every:K/],
    [{ record: "last-epochs:5" }, /--record last-epochs:5/],
    [{ model: "mlp:0" }, /--model mlp:0: expected the sizes/],
    [{ model: "logistic", activation: "relu" }, /--activation relu: logistic has no activation/],
    [{ batch: 49 }, /--batch 49: .* 48 rows/],
    [{ validation: 0.6, test: 0.4 }, /--validation 0.6 and --test 0.4/],
    [{ except: ["nothing"] }, /there is no column "nothing"/],
    [{ textColumns: ["nothing"] }, /there is no column "nothing"/],
    [{ header: "no" }, /points.csv/],
    [{ imageShape: [1, 2, 2] }, /--image-shape/],
    [{ data: "none.csv" }, /none.csv/],
  ])("refuses %o in one line, and leaves no folder", async (change, message) => {
    const told = await failure(rank({ ...quick, ...change }, "refused"));

    expect(told).toMatch(/^InputError: [^\n]+$/);
    expect(told).toMatch(message);
    expect(existsSync(join(folder, "refused"))).toBe(false);
  });

  it("names the step and the rate of a training that diverges", async () => {
    const told = await failure(
      rank({ ...quick, model: "mlp:4", activation: "relu", learningRate: 1e200 }, "diverged"),
    );
    expect(told).toMatch(/step \d+.*1e\+?200/);
  });
});

describe("cleansing explain", () => {
  it("tells of a row what the ranking says, and what retraining without it does", async () => {
    const given = { ...training, model: "mlp:4", verify: 4, orders: 0, top: 1 };
    const { out } = await rank(given, "ranked");
    const scores = tableOf(out, "scores");
    const [worst = {}] = scores;
    const row = Number(worst.row);
    const { out: explained, result } = await execute("explain", { ranking: out, row, neighbours: 3 }, "why");
    expect(result.values).toMatchObject({ row, class: worst.class, rank: 1, rows: 48 });
    const { score, retrained, byEpoch, ownLosses, selfConfidence } = result.values as Record<
      string,
      number
    > & {
      byEpoch: number[];
      ownLosses: number[];
    };
    expect(Math.abs(Number(score) - Number(worst.score))).toBeLessThan(1e-12);
    expect(Math.abs(Number(retrained) - Number(worst.retrained))).toBeLessThan(1e-12);
    expect(Math.abs(Number(selfConfidence) - Number(worst["self-confidence"]))).toBeLessThan(1e-12);
    expect(byEpoch).toHaveLength(4);
    expect(byEpoch.reduce((sum, part) => sum + part)).toBeCloseTo(Number(score), 12);
    expect(ownLosses).toHaveLength(5);
    const near = tableOf(explained, "nearest");
    expect(near.map(({ does }) => does)).toEqual(["harms", "harms", "harms", "helps", "helps", "helps"]);
    for (const each of near) expect(each.score).toBe(scores.find((other) => other.row === each.row)?.score);
  });

  it("refuses rows that did not train, and folders of something else", async () => {
    const { out } = await rank(quick, "short");
    const { test } = (await trainedAs(quick)).prepared.parts;
    const told = async (given: Record<string, unknown>) =>
      failure(execute("explain", { ranking: out, ...given }, "refused"));
    expect(await told({ row: test.rows[0] })).toMatch(/^InputError: --row \d+: .* one of the test rows/);
    expect(await told({ row: 81 })).toMatch(/^InputError: --row 81: there is no such row/);
    expect(await told({ row: 1, ranking: folder })).toMatch(/^InputError: [^\n]+$/);
    expect(existsSync(join(folder, "refused"))).toBe(false);
  });
});

describe("cleansing curve", () => {
  it("measures deletions on rows that neither trained nor judged", async () => {
    const { out, result } = await execute(
      "curve",
      {
        ...training,
        data: join(folder, "points.csv"),
        remove: [4, 2, 4],
        repeats: 2,
        against: ["loss", "last-epoch"],
        rounds: 2,
      },
      "curve",
    );
    const rows = tableOf(out, "removal");
    expect(rows.map(({ ranking, removed }) => `${ranking} ${removed}`)).toEqual(
      ["influence", "random", "loss", "last-epoch"].flatMap((name) => [`${name} 2`, `${name} 4`]),
    );
    const { testError } = result.values;
    for (const each of rows)
      expect(Number(each["test error"]) - Number(each["error change"])).toBeCloseTo(Number(testError), 12);
    const losing = rows.find(({ ranking, removed }) => ranking === "loss" && removed === "4") ?? {};
    const random = rows.find(({ ranking, removed }) => ranking === "random" && removed === "4") ?? {};
    expect(Number(losing["loss less random"])).toBeCloseTo(
      Number(losing["test loss"]) - Number(random["test loss"]),
      12,
    );
  });

  it("refuses to delete so many that no batch is left", async () => {
    const given = { ...training, data: join(folder, "points.csv"), remove: [3, 41] };
    expect(await failure(execute("curve", given, "refused"))).toMatch(
      /^InputError: --remove 41: of the 48 rows .* expected at most 40$/,
    );
    expect(existsSync(join(folder, "refused"))).toBe(false);
  });
});
