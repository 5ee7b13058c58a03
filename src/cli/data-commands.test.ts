import { describe, expect, it } from "vitest";
import { InputError } from "../data/input-error.ts";
import type { DataRoom } from "./data-commands.ts";
import { createProgram } from "./program.ts";

const room: DataRoom = {
  listDatasets: () => [{ name: "adult", title: "Census income", licence: "CC BY 4.0", bytes: 5_000_000 }],
  async describeFile(path) {
    if (path !== "a.csv") throw new InputError(`${path}: there is no such file; expected a table`);
    const parts = [
      { column: "age", type: "number", missing: 0 },
      { column: "größe", type: "text", missing: 12 },
    ];
    return {
      summary: "table of 20 rows and 2 columns (CSV)",
      parts,
      notices: ["The header was recognised."],
    };
  },
  async fetchDataset(name, { onProgress }) {
    onProgress(5, 10, "adult.data");
    const files = ["/cache/adult/adult.data"];
    return {
      name,
      title: "Census income",
      licence: "CC BY 4.0",
      folder: "/cache/adult",
      files,
      downloaded: 1,
    };
  },
};

async function run(...args: string[]): Promise<{ text: string; progress: string[] }> {
  let text = "";
  const progress: string[] = [];
  const program = createProgram([], {
    version: "1",
    write: (part) => {
      text += part;
    },
    run: async () => {},
    data: {
      load: async () => room,
      watch: (work) =>
        work({
          signal: new AbortController().signal,
          onProgress: ({ done, total, label }) => progress.push(`${done}/${total} ${label}`),
        }),
    },
  });
  await program.parseAsync(["data", ...args], { from: "user" });
  return { text, progress };
}

describe("fallline data", () => {
  it("lists data sets with size and licence", async () => {
    expect((await run("list")).text).toBe(
      "name   download  licence    data\nadult  5 MB      CC BY 4.0  Census income\n",
    );
    expect(JSON.parse((await run("list", "--json")).text)).toEqual({ datasets: room.listDatasets() });
  });

  it("describes a file", async () => {
    expect((await run("describe", "a.csv")).text).toBe(
      [
        "a.csv: table of 20 rows and 2 columns (CSV)",
        "",
        "column  type    missing",
        "age     number  0",
        "größe   text    12",
        "note: The header was recognised.",
        "",
      ].join("\n"),
    );
    const { parts } = JSON.parse((await run("describe", "a.csv", "--json")).text) as { parts: unknown[] };
    expect(parts).toHaveLength(2);
    await expect(run("describe", "b.csv")).rejects.toThrow("b.csv: there is no such file");
    await expect(run("describe")).rejects.toThrow("FILE: expected a file to describe, found nothing");
  });

  it("fetches with progress and shows the licence", async () => {
    const { text, progress } = await run("fetch", "adult");
    expect(text).toBe(
      "Census income is there and whole. Licence: CC BY 4.0\n/cache/adult\n  /cache/adult/adult.data\n",
    );
    expect(progress).toEqual(["5/10 adult.data"]);
    await expect(run("fetch")).rejects.toThrow("NAME: expected one of adult, found nothing");
  });
});
