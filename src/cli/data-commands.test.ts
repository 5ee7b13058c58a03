import { describe, expect, it } from "vitest";
import { InputError } from "../data/input-error.ts";
import type { DataRoom } from "./data-commands.ts";
import { createProgram } from "./program.ts";

const adult = { name: "adult", title: "Census income", licence: "CC BY 4.0", folder: "/cache/adult" };
const room: DataRoom = {
  listDatasets: () => [adult],
  formatDatasets: (datasets) => datasets.map(({ name }) => `name ${name}`).join("\n"),
  async describeFile(path, options) {
    if (path !== "a.csv") throw new InputError(`${path}: there is no such file; expected a table`);
    return { kind: "table", rows: 20, ...options };
  },
  formatDescription: ({ kind }) => `a ${kind}`,
  async fetchDataset(_, { onProgress }) {
    onProgress(5, 10, "adult.data");
    return { ...adult, files: ["/cache/adult/adult.data"], downloaded: 1 };
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
  it("lists data sets", async () => {
    expect((await run("list")).text).toBe("name adult\n");
    expect(JSON.parse((await run("list", "--json")).text)).toEqual({ datasets: [adult] });
  });

  it("describes a file, a table without a header too", async () => {
    expect((await run("describe", "a.csv")).text).toBe("a table\n");
    expect(JSON.parse((await run("describe", "a.csv", "--json")).text)).toEqual({
      file: "a.csv",
      kind: "table",
      rows: 20,
    });
    expect(JSON.parse((await run("describe", "a.csv", "--json", "--no-header")).text)).toMatchObject({
      header: false,
    });
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
