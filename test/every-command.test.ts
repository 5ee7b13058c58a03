// What must hold for each command of each method, whatever it does: made from the methods' faces, so that a new command
// is held to it, too.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { methods } from "../src/methods/index.ts";
import { describeParameters, type ParameterDescription } from "../src/runs/parameters.ts";
import { contentsOf } from "../src/runs/run-contents.testing.ts";
import { lineOptions, runOptions } from "../src/runs/run-options.ts";
import { readRunRecord } from "../src/runs/run-record.ts";
import { bin, mountSmall, start } from "./command-line.ts";

type Main = typeof import("../src/cli/main.ts").main;
const { main } = (await import(new URL("../dist/cli/main.js", import.meta.url).href)) as { main: Main };

let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fallline-größe 滑雪-"));
  mkdirSync(join(folder, "Bilder/Blätter"), { recursive: true });
  mkdirSync(join(folder, "Bilder/Blüten"));
  const picture = fileURLToPath(new URL("../examples/fallline.png", import.meta.url));
  for (const place of ["Bild größer.png", "Bilder/Blätter/a.png", "Bilder/Blüten/b.png"])
    copyFileSync(picture, join(folder, place));
  writeFileSync(join(folder, "Höhen 雪.csv"), table());
  const ranked = [
    "cleansing",
    "rank",
    "Höhen 雪.csv",
    ...shortTraining,
    "--verify",
    "0",
    "--out",
    "Rangliste",
  ];
  expect(await start(bin, ranked, { cwd: folder })).toMatchObject({ code: 0 });
  const recorded = fileURLToPath(new URL("vectors/recorded-training/momentum-float64", import.meta.url));
  cpSync(recorded, join(folder, "Übung"), { recursive: true });
  for (const name of ["x", "y"])
    copyFileSync(join(recorded, `held-out-${name}.npy`), join(folder, `Übung/${name}-validation.npy`));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** 40 slopes: whether there is snow follows from the height, but for every seventh. */
function table(): string {
  const rows = Array.from({ length: 40 }, (_, i) => {
    const height = 400 + ((i * 997) % 3000);
    return [height, ["Nord", "Süd"][i % 2], height > 1900 !== (i % 7 === 0) ? "weiß" : "grün"].join();
  });
  return `Höhe,Richtung,Schnee 雪\n${rows.join("\n")}\n`;
}
const shortTraining = ["--label", "Schnee 雪", "--epochs", "2", "--batch", "8"];

/** The shortest work of each command that ends with an answer. */
const shortRuns: Readonly<Record<string, readonly string[]>> = {
  "leakage attack": ["Bild größer.png", "--evaluations", "10"],
  "leakage audit": "Bilder --samples 1 --seeds 1 --evaluations 5 --defences none".split(" "),
  "leakage risk": ["Bild größer.png", "--draws", "0"],
  "cleansing rank": ["Höhen 雪.csv", ...shortTraining, "--verify", "4", "--orders", "2"],
  "cleansing curve": [
    "Höhen 雪.csv",
    ...shortTraining,
    ..."--remove 2 --repeats 2 --against loss".split(" "),
  ],
  "cleansing explain": ["Rangliste", "--row", "1"],
  "cleansing import": "Übung --model mlp:5 --verify 2".split(" "),
  "leakage text": ["Grüße 滑雪", "--iterations", "0"],
};
const commands = methods.flatMap((method) =>
  Object.entries(method.commands).map(([name, command]) => ({
    words: [method.name, name],
    title: `${method.name} ${name}`,
    parameters: describeParameters(command.parameters),
  })),
);

/** The command line in this process: what it writes, and its exit code. */
async function inProcess(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const output = { stdout: "", stderr: "" };
  const terminal = (stream: "stdout" | "stderr") => ({
    write(text: string) {
      output[stream] += text;
      return true;
    },
  });
  const code = await main(args, { stdout: terminal("stdout"), stderr: terminal("stderr") });
  return { code, ...output };
}

/** How often a run was begun or taken up again. */
async function beginnings(out: string): Promise<number> {
  if (!existsSync(join(out, "run.json"))) return 0;
  return 1 + ((await readRunRecord(out)).resumedAt?.length ?? 0);
}

it("knows a short run of every command", () => {
  expect(Object.keys(shortRuns).sort()).toEqual(commands.map(({ title }) => title).sort());
});

describe.each(commands)("$title", ({ words, title, parameters }) => {
  const short = shortRuns[title] ?? [];

  it("refuses each option's wrong values in one line that names it, and leaves no folder", async () => {
    const all = [...parameters, ...describeParameters(runOptions), ...describeParameters(lineOptions)];
    const options = all.filter(({ positional, takes }) => !positional && !takes.flag);
    for (const option of options)
      for (const value of wrongValues(option)) {
        const args = [...words, ...short, "--out", join(folder, "none"), option.label];
        const { code, stdout, stderr } = await inProcess(value === undefined ? args : [...args, value]);
        expect({ option: option.label, value, code, stdout }).toEqual({
          option: option.label,
          value,
          code: 2,
          stdout: "",
        });
        expect(stderr).toMatch(/^fallline: [^\n]+\n$/);
        expect(stderr).toContain(option.label);
      }
    for (const { label } of all.filter(({ takes }) => takes.flag)) {
      const { code, stderr } = await inProcess([
        ...words,
        ...short,
        `${label}=yes`,
        "--out",
        join(folder, "none"),
      ]);
      expect({ label, code }).toEqual({ label, code: 2 });
      expect(stderr).toMatch(/^fallline: [^\n]+\n$/);
    }
    for (const args of [[], [...short, "too", "many"], [...short, "--frobnicate"]])
      expect(await inProcess([...words, ...args, "--out", join(folder, "none")])).toMatchObject({
        code: 2,
        stdout: "",
        stderr: expect.stringMatching(/^fallline: [^\n]+\n$/) as string,
      });
    expect(existsSync(join(folder, "none"))).toBe(false);
  });

  it("prints one JSON object; is stopped, killed and continued to the same bits; gives a folder to one run only", async () => {
    const cut = ["--out", `unterbrochen-${words.join("-")}`];
    const out = join(folder, cut[1] ?? "");
    const run = async (args: readonly string[], signal?: NodeJS.Signals) => {
      const begun = await beginnings(out);
      return start(bin, [...words, ...args, "--json", "--quiet"], {
        cwd: folder,
        async started(child) {
          if (signal === undefined) return;
          // Until the run has begun, or has begun again.
          while ((await beginnings(out)) === begun) await sleep(5);
          child.kill(signal);
        },
      });
    };
    const [whole, interrupted] = await Promise.all([
      run([...short, "--out", `ganz-${words.join("-")}`]),
      run([...short, ...cut], "SIGINT"),
    ]);
    expect(whole).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(whole.stdout)).toMatchObject({
      method: words[0],
      command: words[1],
      folder: `ganz-${words.join("-")}`,
      answer: expect.stringMatching(/\w/) as string,
    });
    expect(whole.stdout.trimEnd()).not.toContain("\n");
    expect(interrupted).toEqual({ code: 130, stdout: "", stderr: "fallline: interrupted\n" });
    expect(await run([...short, ...cut])).toMatchObject({ code: 2, stdout: "" });

    const killed = await run(["--resume", cut[1] ?? ""], "SIGKILL");
    expect(killed.code).toBeNull();
    expect((await readRunRecord(out)).state).toBe("interrupted");
    expect((await run(["--resume", cut[1] ?? ""])).code).toBe(0);
    expect(contentsOf(out)).toEqual(contentsOf(join(folder, `ganz-${words.join("-")}`)));
    expect((await readRunRecord(out)).state).toBe("done");
  });

  it("tells a folder that may not be written, and a full disk, in one line", async (context) => {
    const place = join(folder, `disk-${words.join("-")}`);
    const disk = mountSmall(place, "8k");
    if (disk === undefined) return context.skip("a small disk takes the right to mount one");
    try {
      const args = [...words, ...short, "--quiet", "--out", join(place, "run")];
      const full = await start(bin, args, { cwd: folder });
      expect({ code: full.code, stdout: full.stdout }).toEqual({ code: 2, stdout: "" });
      expect(full.stderr).toMatch(/^fallline: [^\n]+no space left on the device[^\n]+\n$/);
      expect((await readRunRecord(join(place, "run"))).state).toMatch(/failed|interrupted/);
      expect(
        readdirSync(join(place, "run"), { recursive: true }).filter((name) => String(name).endsWith(".part")),
      ).toEqual([]);
      disk.remount("ro");
      const sealed = await inProcess([...words, ...short, "--out", join(place, "other")]);
      expect(sealed).toMatchObject({ code: 2, stdout: "" });
      expect(sealed.stderr).toMatch(/^fallline: --out [^\n]+read-only[^\n]+\n$/);
    } finally {
      disk.unmount();
    }
  });
});

/** Values that an option must refuse; `undefined` stands for none. */
function wrongValues({ takes, accepted, label }: ParameterDescription): (string | undefined)[] {
  if (label === "--resume" || label === "--config") return [undefined, "", "/none/such"];
  if (label === "--out") return [undefined, ""];
  const values: (string | undefined)[] = [undefined, "", "--json"];
  if (takes.number) values.push("1e400", "NaN", "x");
  if (/ (from|above) /.test(accepted)) values.push("-1e99");
  if (/^a whole number/.test(accepted)) values.push("1.5");
  if (/^(one of|\w+$)/.test(accepted)) values.push("none-of-these");
  return values;
}
