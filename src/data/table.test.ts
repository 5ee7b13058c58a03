import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, describe, expect, it } from "vitest";
import { failure, sharedFile } from "./binary-files.testing.ts";
import { openTable, readTable, type TableData } from "./table.ts";
import { columnOf } from "./table-column.ts";
import { describeTable } from "./table-summary.ts";

const folder = mkdtempSync(join(tmpdir(), "fallline-table-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** The rows of a table, missing values as null. */
function rowsOf(table: TableData): (number | string | null)[][] {
  return Array.from({ length: table.rows }, (_, row) =>
    table.values.map(({ values, missing }) => (missing[row] === 1 ? null : (values[row] ?? null))),
  );
}

const people = 'name,age,height\nAnn,31,1.70\nBob,,1.82\n"Cy, Jr",45,?\n';
const peopleRows = [
  ["Ann", 31, 1.7],
  ["Bob", null, 1.82],
  ["Cy, Jr", 45, null],
];

describe("readTable", () => {
  it("reads CSV with names, types and missing values", async () => {
    const table = await readTable(file("people.csv", people));
    expect(table.hasHeader).toBe(true);
    expect(table.columns.map(({ name, position, type, missing }) => [name, position, type, missing])).toEqual(
      [
        ["name", 1, "text", 0],
        ["age", 2, "number", 1],
        ["height", 3, "number", 1],
      ],
    );
    expect(rowsOf(table)).toEqual(peopleRows);
    const age = table.values[1];
    expect(age?.type === "number" && Number.isNaN(age.values[1])).toBe(true);
  });

  it.each([
    ["tab.tsv", people.replaceAll('"Cy, Jr"', "Cy@ Jr").replaceAll(",", "\t").replaceAll("@", ",")],
    ["semicolon.csv", people.replaceAll('"Cy, Jr"', "Cy@ Jr").replaceAll(",", ";").replaceAll("@", ",")],
    ["dos.csv", people.replaceAll("\n", "\r\n")],
    ["blank lines.csv", `\n\n${people}\n\n`],
    ["no last line break.csv", people.trimEnd()],
    ["byte order mark.csv", `\ufeff${people}`],
    ["packed.csv.gz", gzipSync(people)],
    ["packed without its ending", gzipSync(people)],
    ['it\'s "quoted" [1] *?.csv', people],
    ["Übung 滑雪.csv", people],
    ["title.csv", `People of 2024\n${people}`],
  ])("reads %s", async (name, content) => {
    const table = await readTable(file(name, content));
    expect(rowsOf(table)).toEqual(peopleRows);
    expect(table.columns.map((column) => column.name)).toEqual(["name", "age", "height"]);
    expect(table.notices.length).toBe(name === "title.csv" ? 1 : 0);
  });

  it("reads JSON, JSON lines and Parquet", async () => {
    const objects = [
      { name: "Ann", age: 31, height: 1.7 },
      { name: "Bob", age: null, height: 1.82 },
      { name: "Cy, Jr", age: 45, height: null },
    ];
    const lines = objects.map((object) => JSON.stringify(object)).join("\n");
    const parquet = join(folder, "people.parquet");
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    await connection.run(
      `COPY (SELECT * FROM read_json('${file("people.json", JSON.stringify(objects))}')) TO '${parquet}' (FORMAT parquet)`,
    );
    const paths = [
      join(folder, "people.json"),
      file("people.jsonl", lines),
      file("people.jsonl.gz", gzipSync(lines)),
      file("people without an ending", lines),
      parquet,
    ];
    for (const path of paths) {
      const table = await readTable(path);
      expect(rowsOf(table)).toEqual(peopleRows);
      expect(table.columns.map((column) => column.type)).toEqual(["text", "number", "number"]);
    }
    expect((await readTable(parquet)).columns.map((column) => column.storedType)).toEqual([
      "VARCHAR",
      "BIGINT",
      "DOUBLE",
    ]);
  });

  it("recognises a table without a header, or is told", async () => {
    const bare = file("bare.csv", "1,a\n2,b\n");
    expect((await readTable(bare)).columns.map((column) => column.name)).toEqual(["c1", "c2"]);
    expect((await readTable(bare, { header: true })).columns.map((column) => column.name)).toEqual([
      "1",
      "a",
    ]);
    const texts = file("texts.csv", "x,y\na,b\nc,b\n");
    expect((await readTable(texts)).hasHeader).toBe(true);
    expect((await readTable(file("repeats.csv", "a,b\nb,b\na,c\n"))).hasHeader).toBe(false);
    expect(rowsOf(await readTable(texts, { header: false }))[0]).toEqual(["x", "y"]);
    expect((await readTable(file("one.csv", "1\n2\n3\n"))).rows).toBe(3);
    const unnamed = await readTable(file("unnamed.csv", ",x,x\n1,2,3\n"));
    expect(unnamed.columns.map((column) => column.name)).toEqual(["c1", "x", "x (3)"]);
    expect(unnamed.notices[0]).toContain('"x" more than once');
  });

  it("decides types on all rows", async () => {
    const late = await readTable(file("late.csv", `x,y\n${"1,1_0\n".repeat(60_000)}oops,1_0\n`));
    expect(late.columns.map((column) => column.type)).toEqual(["text", "text"]);
    expect(late.values[0]?.values[60_000]).toBe("oops");
    expect(late.values[0]?.values[59_999]).toBe("1");
  });

  it("reads a table of many columns as one of few", async () => {
    const row = ["1", " x ", "?", "", '"a ""b"""', "2.5e-3", " inf", "1_0"];
    const read = async (times: number) =>
      readTable(file(`times-${times}.csv`, `${Array(times).fill(row.join(",")).join(",")}\n`), {
        header: false,
      });
    const few = await read(1);
    expect(rowsOf(few)[0]).toEqual([1, "x", null, null, 'a "b"', 0.0025, Infinity, "1_0"]);
    const many = await read(30);
    expect(rowsOf(many)[0]).toEqual(Array(30).fill(rowsOf(few)[0]).flat());
    expect(many.columns.map(({ type, missing }) => [type, missing])).toEqual(
      Array(30)
        .fill(few.columns.map(({ type, missing }) => [type, missing]))
        .flat(),
    );
  });

  it("reads many files in the order of their names, with one header", async () => {
    mkdirSync(join(folder, "parts"));
    for (const i of [2, 1, 3]) file(`parts/part-${i}.csv`, `n,square\n${i},${i * i}\n`);
    const table = await readTable(join(folder, "parts", "part-*.csv"));
    expect(rowsOf(table)).toEqual([
      [1, 1],
      [2, 4],
      [3, 9],
    ]);
    expect(table.files.length).toBe(3);
    file("parts/part-4.csv", "square,n\n16,4\n");
    expect(await failure(readTable(join(folder, "parts", "part-*.csv")))).toMatch(
      /part-4\.csv: line 1: expected the header of .*part-1\.csv, found "square,n"/,
    );
    expect(await failure(readTable(join(folder, "parts", "nothing-*.csv")))).toContain(
      "no file has such a name",
    );
  });

  it("streams batches whose rows are the table's", async () => {
    const path = file(
      "long.csv",
      `i,t\n${Array.from({ length: 10_000 }, (_, i) => `${i},t${i}\n`).join("")}`,
    );
    const table = await openTable(path);
    let next = 0;
    for await (const batch of table.batches({ rows: 3000, columns: ["t", 1] })) {
      expect(batch.start).toBe(next);
      const [t, i] = batch.columns;
      for (let row = 0; row < batch.rows; row++) {
        if (i?.values[row] !== next + row || t?.values[row] !== `t${next + row}`)
          throw new Error(`row ${next + row} is ${i?.values[row]}, ${t?.values[row]}`);
      }
      next += batch.rows;
    }
    expect(next).toBe(10_000);
    // Stopping in the middle leaves the table usable.
    for await (const batch of table.batches({ rows: 10 })) {
      expect(batch.rows).toBe(10);
      break;
    }
    const controller = new AbortController();
    controller.abort();
    expect(await failure(table.batches({ signal: controller.signal }).next())).toContain("AbortError");
    expect((await table.batches().next()).value?.rows).toBe(10_000);
    table.close();
  });
});

describe("columnOf", () => {
  it("takes a name, a number, or last", async () => {
    const table = await readTable(file("columns.csv", "b,2,last\n1,5,6\n"), { header: true });
    expect(columnOf(table, "b").position).toBe(1);
    expect(columnOf(table, 2).position).toBe(2);
    expect(columnOf(table, "2").position).toBe(2);
    expect(columnOf(table, "3").position).toBe(3);
    expect(columnOf(table, "last").position).toBe(3);
    for (const wrong of ["c", 0, 4, "4", "-1", 1.5, "", "constructor"])
      expect(() => columnOf(table, wrong)).toThrow("expected b, 2, last, a number from 1 to 3, or last");
  });
});

describe("describeTable", () => {
  it("gives ranges and levels", async () => {
    const table = await openTable(file("levels.csv", "k,v\na,1\nb,2\nb,\n,6\n"));
    const { columns, rows } = await describeTable(table);
    table.close();
    expect(rows).toBe(4);
    expect(columns[0]).toMatchObject({
      missing: 1,
      distinct: 2,
      isEstimate: false,
      levels: [
        { value: "b", count: 2 },
        { value: "a", count: 1 },
      ],
    });
    expect(columns[1]).toMatchObject({ missing: 1, minimum: 1, maximum: 6, mean: 3 });
  });

  const adult = sharedFile("data/adult/adult-training.csv");
  if (adult === undefined) it.skip("reads Adult (skipped: shared/data/adult is absent)", () => {});
  else
    it("reads Adult", async () => {
      const table = await openTable(adult);
      expect(table.rows).toBe(32_561);
      expect(table.hasHeader).toBe(false);
      // Counts of " ?" by grep.
      expect(
        table.columns.filter(({ missing }) => missing > 0).map(({ name, missing }) => [name, missing]),
      ).toEqual([
        ["workclass", 1836],
        ["occupation", 1843],
        ["native-country", 583],
      ]);
      const { columns } = await describeTable(table);
      table.close();
      expect(columns[14]).toMatchObject({
        levels: [
          { value: "<=50K", count: 24_720 },
          { value: ">50K", count: 7841 },
        ],
      });
    });
});

describe("the columns' names", () => {
  const rows = "1,a\n2,b\n3,a\n";

  it("can be given, for each column one", async () => {
    const table = await readTable(file("nameless.csv", rows), { names: ["age", "work"] });
    expect(table.columns.map(({ name }) => name)).toEqual(["age", "work"]);
    expect(rowsOf(table)).toHaveLength(3);
    expect(columnOf(table, "work").position).toBe(2);
    // What looks like a header is a row where names are given.
    const headed = await readTable(file("headed.csv", `x,y\n${rows}`), { names: ["age", "work"] });
    expect(headed.rows).toBe(4);
    for (const names of [["age"], ["age", "age"]])
      expect(await failure(readTable(file("nameless.csv", rows), { names }))).toContain(
        `has 2 columns; expected as many different names, found ${names.join(", ")}`,
      );
    expect(await failure(readTable(file("own.json", '[{"a": 1}]'), { names: ["b"] }))).toContain(
      "is json, which names its own columns",
    );
  });

  it("of a data set are asked for by its name", async () => {
    const cacheDir = mkdtempSync(join(folder, "cache-"));
    expect(await failure(openTable("iris", { cacheDir }))).toBe(
      "InputError: iris: is not fetched yet; expected that fallline data fetch iris ran before",
    );
    expect(await failure(openTable("iris", { cacheDir, split: "test" }))).toContain("iris: has no test rows");
    expect(await failure(openTable("mnist", { cacheDir }))).toContain("mnist: is a data set of images");
  });

  const test = sharedFile("data/adult/adult-test.csv");
  if (test === undefined) it.skip("of Adult (skipped: shared/data/adult is absent)", () => {});
  else
    it("of Adult are known wherever its files lie, and its test rows have the classes of the others", async () => {
      const cacheDir = mkdtempSync(join(folder, "cache-"));
      mkdirSync(join(cacheDir, "adult"));
      copyFileSync(test, join(cacheDir, "adult/adult.test"));
      for (const [path, options] of [
        [test, {}],
        ["adult", { cacheDir, split: "test" }],
      ] as const) {
        const table = await openTable(path, options);
        const { columns, rows } = await describeTable(table);
        table.close();
        expect(rows).toBe(16_281);
        expect(table.notices.at(-1)).toBe(
          `${path} is Adult (census income); its columns have the names of the source; the "." that ends each row was left out`,
        );
        // Counts by grep.
        expect(columns.at(-1)).toMatchObject({
          name: "income",
          levels: [
            { value: "<=50K", count: 12_435 },
            { value: ">50K", count: 3846 },
          ],
        });
      }
    });
});

describe("a table that cannot be read", () => {
  it.each([
    ["ragged.csv", "a,b\n1,2\n3\n4,5\n", "line 3: expected 2 fields, found 1"],
    ["too many.csv", "a,b\n1,2\n3,4,5\n4,5\n6,7\n", "line 3: expected 2 fields, found 3"],
    [
      "short header.csv",
      "a,b\n1,2,3\n1,2,3\n1,2,3\n",
      "line 1: expected 3 fields, as in most lines, found 2",
    ],
    ["cut.json", '[{"a": 1},', 'offset 10: expected the rest of a JSON list, found its end after ","'],
    ["cut.json.gz", gzipSync('[{"a": 1},\n  '), 'expected the rest of a JSON list, found its end after ","'],
    ["empty.csv", "", "the file is empty"],
    ["empty.csv.gz", gzipSync(""), "the file is empty"],
    ["blank.csv", "\n \n", "only blank lines"],
    ["header only.csv", "a,b\n", "no rows"],
    ["binary.csv", Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0), "offset 7: is a binary file"],
    ["latin.csv", Buffer.from("a,b\n1,Jos\xe9\n", "latin1"), "line 2: expected text in UTF-8"],
    ["cut.csv.gz", gzipSync(people.repeat(5000)).subarray(0, 100), "unexpected end of file"],
    ["cut.parquet", Buffer.from("PAR1 and nothing more"), "cannot be read as a table"],
    ["wrong.json", '{"a": 1}\n{"a": ', "cannot be read as a table"],
  ])("%s", async (name, content, expected) => {
    const path = file(`bad-${name}`, content);
    const message = await failure(readTable(path));
    expect(message).toContain(`InputError: ${path}: `);
    expect(message).toContain(expected);
    expect(message).not.toContain("\n");
  });

  it("is told from a folder, nothing, an address, a zero byte", async () => {
    expect(await failure(readTable(folder))).toContain("is a folder");
    expect(await failure(readTable(join(folder, "none.csv")))).toContain("there is no such file");
    expect(await failure(readTable("a\0b.csv"))).toContain("no zero byte");
    expect(await failure(readTable("s3://bucket/a.csv"))).toContain("is a web address");
  });

  it("of which a text late in the file is damaged", async () => {
    const good = Buffer.from(`a,b\n${"1,x\n".repeat(200_000)}`);
    const message = await failure(
      readTable(file("late latin.csv", Buffer.concat([good, Buffer.from("1,\xe9\n", "latin1")]))),
    );
    expect(message).toContain("InputError");
    expect(message).toContain("line 200002");
  });
});

describe("the fence around DuckDB", () => {
  it("asks no server, whatever a path looks like", async () => {
    let requests = 0;
    const server = createServer((_, response) => {
      requests++;
      response.end("a,b\n1,2\n");
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const port = (server.address() as AddressInfo).port;
    for (const path of [
      `http://127.0.0.1:${port}/a.csv`,
      `http://127.0.0.1:${port}/*.csv`,
      `http:/127.0.0.1:${port}/a.csv`,
    ])
      expect(await failure(readTable(path))).toContain("InputError");
    expect(requests).toBe(0);
    await new Promise((done) => server.close(done));
  });

  it("reads its files and nothing else, and cannot be reconfigured", async () => {
    const secret = file("secret.csv", "a\n1\n");
    const table = await openTable(file("open.csv", "a,b\n1,2\n"));
    const query = (sql: string) => failure(table.aggregates(() => sql));
    expect(await query(`(SELECT count(*) FROM read_csv('${secret}'))`)).toContain(
      "disabled by configuration",
    );
    expect(await query(`(SELECT count(*) FROM read_text('/etc/passwd'))`)).toContain(
      "disabled by configuration",
    );
    table.close();
  });

  it("takes names for names", async () => {
    const evil = `x'); DROP TABLE t; --`;
    const table = await readTable(
      file(`${evil.replaceAll("/", "")}.csv`, `"a""; SELECT 1; --",${evil}\n1,2\n3,4\n`),
    );
    expect(table.columns.map((column) => column.name)).toEqual(['a"; SELECT 1; --', evil]);
    expect(rowsOf(table)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    const marks = await readTable(file("marks.csv", "a,b\n'; --,1\n2,2\n"), { missing: ["'; --"] });
    expect(rowsOf(marks)).toEqual([
      [null, 1],
      [2, 2],
    ]);
  });
});
