import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InputError } from "./input-error.ts";
import { createWhole, writeWhole } from "./whole-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fallline-whole-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("writeWhole", () => {
  it("replaces a file and leaves nothing beside it", async () => {
    const path = join(folder, "run.json");
    await writeWhole(path, "first");
    await writeWhole(path, Uint8Array.from(Buffer.from("second")));
    expect(readFileSync(path, "utf8")).toBe("second");
    expect(readdirSync(folder)).toEqual(["run.json"]);
  });

  it("never shows a part of a file to a reader", async () => {
    const path = join(folder, "big.txt");
    const contents = ["a", "b"].map((letter) => letter.repeat(2_000_000));
    writeFileSync(path, contents[0] ?? "");
    // Another process reads all the while and prints every content that is not one of the two, whole.
    const reader = spawn(process.execPath, [
      "-e",
      `const fs = require("fs"); const end = Date.now() + 600; let reads = 0;
       while (Date.now() < end) { const text = fs.readFileSync(${JSON.stringify(path)}, "latin1"); reads++;
         if (text.length !== 2e6 || text.includes("a") === text.includes("b")) console.log("part of", text.length); }
       console.log(reads > 1 ? "read" : "starved");`,
    ]);
    let output = "";
    reader.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    const closed = once(reader, "close");
    let open = true;
    void closed.then(() => {
      open = false;
    });
    for (let turn = 1; open; turn++) await writeWhole(path, contents[turn % 2] ?? "");
    expect(output.trim()).toBe("read");
  });

  it("is an input error where the folder is missing, and leaves no trace", async () => {
    await expect(writeWhole(join(folder, "no", "file"), "text")).rejects.toThrow(InputError);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("createWhole", () => {
  it("makes a file once, whoever tries", async () => {
    const path = join(folder, "claim");
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, index) => createWhole(path, `try ${index}`)),
    );
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(readFileSync(path, "utf8")).toBe(`try ${made.indexOf(true)}`);
    expect(readdirSync(folder)).toEqual(["claim"]);
  });
});
