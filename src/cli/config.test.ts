import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { describeParameters } from "../runs/parameters.ts";
import { readConfig } from "./config.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fallline-config-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const known = describeParameters(
  z.object({ stepSize: z.number(), label: z.string(), widths: z.array(z.int()), seed: z.int() }),
);
function read(name: string, text: string): Promise<Record<string, unknown>> {
  writeFileSync(join(folder, name), text);
  return readConfig(join(folder, name), known);
}

describe("a file of parameters", () => {
  it("is JSON or YAML, with names as on the command line or in the schema", async () => {
    const expected = { stepSize: 0.5, label: "größe", widths: [1, 2], seed: 3 };
    expect(await read("a.json", JSON.stringify(expected))).toEqual(expected);
    expect(await read("a.yaml", "step-size: 0.5 # metres\nlabel: größe\nwidths: [1, 2]\nseed: 3\n")).toEqual(
      expected,
    );
    expect(await read("b.yml", "{}")).toEqual({});
  });

  it.each([
    ["a.json", '{"stepsize": 1}', '"stepsize"; expected some of stepSize, label, widths, seed'],
    ["a.json", '{"__proto__": 1}', 'there is no parameter "__proto__"'],
    ["a.json", '{"stepSize": 1, "step-size": 2}', "step-size is given twice"],
    ["a.json", "[1]", "holds a list; expected parameters by name"],
    ["a.json", '{"seed": ', "not JSON"],
    ["a.json", "", "not JSON"],
    ["a.yaml", "", "holds nothing; expected parameters by name"],
    ["a.yaml", "text", "holds a string; expected parameters by name"],
    ["a.yaml", "seed: 1\nseed: 2\n", "not YAML (Map keys must be unique at line 2"],
    ["a.yaml", "a: [", "not YAML"],
    ["a.yaml", `a: &a [1]\nb: ${JSON.stringify("x")}\nlabel: *c\n`, "not YAML"],
    ["a.toml", "seed = 1", "expected a file that ends in .json, .yaml or .yml"],
    ["a.json", " ".repeat(2 ** 20 + 1), "has 1048577 bytes"],
  ])("is refused with its name where it is none: %s %#", async (name, text, message) => {
    const reading = read(name, text);
    await expect(reading).rejects.toThrow(`--config ${join(folder, name)}: `);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.not.toThrow("\n");
  });

  it("is refused where there is none", async () => {
    await expect(readConfig(join(folder, "none.json"), known)).rejects.toThrow("there is no such file");
    await expect(readConfig(folder, known)).rejects.toThrow("expected a");
  });
});
