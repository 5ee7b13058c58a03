import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { failure } from "../../data/binary-files.testing.ts";
import { executeCommand } from "../../runs/execute.ts";
import { type Command, defineMethod } from "../../runs/method.ts";
import { cleansing } from "./method.ts";
import { rankSchema } from "./rank-command.ts";
import { readRankedRun } from "./ranked-run.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "fallline-ranked-")));
afterAll(() => rmSync(folder, { recursive: true }));

/** A run that did nothing, or failed. */
async function runOf(
  name: string,
  { data = "a.csv", commandName = "rank", fails = false, more = {} } = {},
): Promise<string> {
  const out = join(folder, name);
  const idle: Command = {
    ...(cleansing.commands.rank as Command),
    async run(_, run) {
      run.metric("loss", 0, 1);
      if (fails) throw new Error("no more");
      return { answer: "Nothing.", values: {} };
    },
  };
  const method = defineMethod({ ...cleansing, commands: { [commandName]: idle } });
  const parameters = { ...rankSchema.parse({ data, label: "c" }), ...more };
  const options = { seed: 6, threads: 1, out };
  await executeCommand({ method, commandName, parameters, options }).catch(() => undefined);
  return out;
}

it("has the parameters and the seed, and data where they were", async () => {
  mkdirSync(join(folder, "there"));
  writeFileSync(join(folder, "there/b.csv"), "");
  const before = process.cwd();
  process.chdir(join(folder, "there"));
  const out = await runOf("done", { data: "b.csv" }).finally(() => process.chdir(before));
  expect(await readRankedRun(out)).toMatchObject({
    seed: 6,
    parameters: { data: join(folder, "there/b.csv"), label: "c", epochs: 20 },
  });
  // What is no path is the name of a data set.
  expect((await readRankedRun(await runOf("named", { data: "mnist" }))).parameters.data).toBe("mnist");
});

it.each([
  [
    "of another command",
    { commandName: "curve" },
    /is a run of cleansing curve; expected one of cleansing rank$/,
  ],
  ["failed", { fails: true }, /: the run is failed; expected one that is done$/],
  [
    "of other parameters",
    { more: { epochs: "many" } },
    /parameters in run.json are not those of this version's rank$/,
  ],
])("refuses a run %s", async (name, change, message) => {
  const told = await failure(readRankedRun(await runOf(name, change)));
  expect(told).toMatch(/^InputError: [^\n]+$/);
  expect(told).toMatch(message);
});

it("refuses folders that are no run", async () => {
  for (const place of [folder, join(folder, "none")])
    expect(await failure(readRankedRun(place))).toMatch(/^InputError: [^\n]+$/);
});
