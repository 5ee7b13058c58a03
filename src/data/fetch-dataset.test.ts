import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { failure } from "./binary-files.testing.ts";
import { cacheFolder } from "./cache-folder.ts";
import { type CatalogueEntry, type CatalogueFile, catalogue } from "./catalogue.ts";
import { fetchDataset } from "./fetch-dataset.ts";

const content = randomBytes(300_000);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function entryOf(file: Partial<CatalogueFile> & { bytes: number; sha256: string }): CatalogueEntry {
  const { name = "data.bin", urls = [], ...rest } = file;
  return {
    name: "toy",
    title: "Toy",
    contents: "",
    licence: "none",
    citation: "",
    homepage: "",
    files: [{ name, urls, ...rest }],
  };
}

const toy = entryOf({ bytes: content.length, sha256: sha256(content) });

describe("fetchDataset", () => {
  let server: Server;
  let cacheDir: string;
  let requests: IncomingMessage[];
  let respond: (request: IncomingMessage, response: ServerResponse) => void;
  let baseUrl: string;

  beforeEach(async () => {
    cacheDir = mkdtempSync(join(tmpdir(), "fallline-"));
    requests = [];
    server = createServer((request, response) => {
      requests.push(request);
      respond(request, response);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    rmSync(cacheDir, { recursive: true });
  });

  /** Sends the bytes a Range asks for, at most `most` of them and then cuts the connection. */
  const serve =
    (bytes: Uint8Array, { ranges = true, most = Infinity } = {}) =>
    (request: IncomingMessage, response: ServerResponse): void => {
      const from = ranges ? Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0) : 0;
      const rest = bytes.subarray(from);
      if (from > 0) {
        response.writeHead(206, {
          "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
          "content-length": rest.length,
        });
      } else response.writeHead(200, { "content-length": rest.length });
      if (rest.length <= most) response.end(rest);
      else response.write(rest.subarray(0, most), () => setTimeout(() => response.destroy(), 20));
    };
  const fetchToy = (entry: CatalogueEntry = toy, options = {}) =>
    fetchDataset(entry.name, { cacheDir, baseUrl, entries: [entry], retryDelay: 1, ...options });
  const kept = () => readdirSync(join(cacheDir, "toy"));

  it("downloads a file once, with progress", async () => {
    respond = serve(content);
    const progress: [number, number, string][] = [];
    const result = await fetchToy(toy, {
      onProgress: (...step: [number, number, string]) => progress.push(step),
    });
    expect(result.downloaded).toBe(1);
    expect(readFileSync(result.files[0] ?? "").equals(content)).toBe(true);
    expect(progress.at(-1)).toEqual([300_000, 300_000, "data.bin"]);
    expect(requests[0]?.headers["accept-encoding"]).toBe("identity");
    expect((await fetchToy()).downloaded).toBe(0);
    expect(requests.length).toBe(1);
    expect(kept()).toEqual(["data.bin"]);
  });

  it("goes on where the connection was cut", async () => {
    respond = serve(content, { most: 120_000 });
    await fetchToy();
    expect(requests.map((request) => request.headers.range)).toEqual([
      undefined,
      "bytes=120000-",
      "bytes=240000-",
    ]);
    expect(readFileSync(join(cacheDir, "toy", "data.bin")).equals(content)).toBe(true);
  });

  it("goes on in a later call, after failing without a byte", async () => {
    let count = 0;
    respond = (request, response) => {
      if (count++ === 0) serve(content, { most: 100_000 })(request, response);
      else request.socket.destroy();
    };
    const message = await failure(fetchToy(toy, { retries: 1 }));
    expect(message).toContain("InputError: http://127.0.0.1");
    expect(message).toContain("expected 300000 bytes, 100000 of them are kept");
    expect(kept()).toEqual(["data.bin.part"]);
    respond = serve(content);
    requests = [];
    await fetchToy();
    expect(requests[0]?.headers.range).toBe("bytes=100000-");
    expect(kept()).toEqual(["data.bin"]);
  });

  it("starts over where the server has no ranges", async () => {
    respond = serve(content, { ranges: false, most: 200_000 });
    expect(await failure(fetchToy(toy, { retries: 2 }))).toContain("the connection");
    respond = serve(content, { ranges: false });
    await fetchToy();
    expect(readFileSync(join(cacheDir, "toy", "data.bin")).equals(content)).toBe(true);
  });

  it("keeps nothing of a file with another digest", async () => {
    const other = Uint8Array.from(content);
    other[7] = (other[7] ?? 0) ^ 1;
    respond = serve(other);
    expect(await failure(fetchToy())).toContain(
      `expected a file with SHA-256 ${sha256(content)}, found ${sha256(other)}; nothing was kept`,
    );
    expect(kept()).toEqual([]);
  });

  it("replaces a damaged file and a part that is none", async () => {
    respond = serve(content);
    await fetchToy();
    writeFileSync(join(cacheDir, "toy", "data.bin"), content.subarray(1));
    writeFileSync(join(cacheDir, "toy", "data.bin.part"), Buffer.alloc(400_000));
    expect((await fetchToy()).downloaded).toBe(1);
    expect(readFileSync(join(cacheDir, "toy", "data.bin")).equals(content)).toBe(true);
  });

  it("refuses a longer and a shorter file", async () => {
    respond = serve(Buffer.concat([content, content]));
    expect(await failure(fetchToy())).toContain("the server sent more than 300000 bytes");
    respond = serve(content.subarray(0, 1000));
    expect(await failure(fetchToy(toy, { retries: 1 }))).toMatch(/ended after 1000 bytes|no bytes from 1000/);
  });

  it("tells a 404, a 500 and a server that is not there", async () => {
    respond = (_, response) => response.writeHead(404).end("no");
    expect(await failure(fetchToy())).toContain("/data.bin: the server answered 404 Not Found");
    expect(requests.length).toBe(1);
    respond = (_, response) => response.writeHead(500).end();
    expect(await failure(fetchToy(toy, { retries: 2 }))).toContain("answered 500");
    expect(requests.length).toBe(4);
    expect(await failure(fetchToy(toy, { baseUrl: "http://127.0.0.1:1" }))).toContain(
      "the connection failed",
    );
  });

  it("tries the mirror where the first address fails", async () => {
    respond = (request, response) =>
      request.url?.startsWith("/gone") ? response.writeHead(404).end() : serve(content)(request, response);
    const [file] = toy.files;
    const entry = entryOf({ ...(file as CatalogueFile), urls: [`${baseUrl}/gone`, `${baseUrl}/mirror`] });
    await fetchDataset("toy", { cacheDir, entries: [entry], retryDelay: 1 });
    expect(requests.map((request) => request.url)).toEqual(["/gone", "/mirror"]);
  });

  it("stops on a signal and on a stalled connection, keeping what came", async () => {
    respond = (_, response) => {
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, 50_000));
    };
    const controller = new AbortController();
    const stopped = fetchToy(toy, {
      signal: controller.signal,
      onProgress: (done: number) => done >= 50_000 && controller.abort(),
    });
    expect(await failure(stopped)).toContain("AbortError");
    expect(kept()).toEqual(["data.bin.part"]);
    respond = (_, response) => response.flushHeaders();
    expect(await failure(fetchToy(toy, { stallTimeout: 50, retries: 0 }))).toContain("no byte arrived");
  });

  it("does not let two processes write one file", async () => {
    await fetchToyOnce();
    writeFileSync(join(cacheDir, "toy", "data.bin"), "");
    writeFileSync(join(cacheDir, "toy", "data.bin.lock"), String(process.ppid));
    expect(await failure(fetchToy())).toContain(`process ${process.ppid} is downloading it`);
    writeFileSync(join(cacheDir, "toy", "data.bin.lock"), "999999999");
    expect((await fetchToy()).downloaded).toBe(1);
  });
  const fetchToyOnce = () => {
    respond = serve(content);
    return fetchToy();
  };

  it("takes the members out of an archive, and again where one is damaged", async () => {
    const archive = gzipSync(
      tarOf({ "folder/a.bin": content.subarray(0, 700), "../../b.bin": Buffer.from("hello") }),
    );
    const entry = entryOf({
      name: "toy.tar.gz",
      bytes: archive.length,
      sha256: sha256(archive),
      members: [
        { name: "a.bin", bytes: 700 },
        { name: "b.bin", bytes: 5 },
      ],
    });
    respond = serve(archive);
    const { files } = await fetchToy(entry);
    expect(files.map((file) => readFileSync(file).length)).toEqual([700, 5]);
    expect(kept()).toEqual(["a.bin", "b.bin", "toy.tar.gz"]);
    writeFileSync(files[0] ?? "", "short");
    expect((await fetchToy(entry)).downloaded).toBe(0);
    expect(readFileSync(files[0] ?? "").equals(content.subarray(0, 700))).toBe(true);
    const [file] = entry.files;
    const lacking = entryOf({ ...(file as CatalogueFile), members: [{ name: "c.bin", bytes: 1 }] });
    expect(await failure(fetchToy(lacking))).toContain("expected a member c.bin, found none");
    const longer = entryOf({ ...(file as CatalogueFile), members: [{ name: "b.bin", bytes: 6 }] });
    expect(await failure(fetchToy(longer))).toContain("expected b.bin with 6 bytes, found 5");
    expect(existsSync(join(cacheDir, "toy", "c.bin"))).toBe(false);
  });

  it("says in one line that the cache cannot be written", async () => {
    respond = serve(content);
    const fetchInto = (place: string) =>
      failure(fetchDataset("toy", { cacheDir: place, entries: [toy], baseUrl, retries: 0 }));
    writeFileSync(join(cacheDir, "file"), "");
    expect(await fetchInto(join(cacheDir, "file"))).toBe(
      `InputError: ${join(cacheDir, "file/toy")}: the folder cannot be made (a part of the path is a file); expected a cache that can be written, which FALLLINE_CACHE names`,
    );
    // A folder in the place of the part: nothing can be written there.
    mkdirSync(join(cacheDir, "toy/data.bin.part"), { recursive: true });
    expect(await fetchInto(cacheDir)).toMatch(/^InputError: .*data\.bin\.part: .*$/);
    expect(readdirSync(join(cacheDir, "toy"))).toEqual(["data.bin.part"]);
  });

  it.skipIf(process.platform !== "linux")("ends where a file system takes no folder at all", async () => {
    expect(await failure(fetchDataset("toy", { cacheDir: "/proc/none", entries: [toy] }))).toContain(
      "the folder cannot be made",
    );
  });

  it("names the data sets there are", async () => {
    expect(await failure(fetchDataset("nothing", { cacheDir }))).toContain(
      "expected one of mnist, fashion-mnist",
    );
  });
});

/** A ustar archive. */
function tarOf(members: Record<string, Uint8Array>): Buffer {
  const blocks = Object.entries(members).flatMap(([name, bytes]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(`${bytes.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("        ", 148);
    header.write("0", 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

describe("the catalogue", () => {
  it("has well-formed digests, sizes and addresses, and different names", () => {
    expect(new Set(catalogue.map((entry) => entry.name)).size).toBe(catalogue.length);
    const files = catalogue.flatMap((entry) => entry.files);
    for (const file of files) {
      expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(file.bytes).toBeGreaterThan(1000);
      for (const url of file.urls) expect(new URL(url).pathname.endsWith(`/${file.name}`)).toBe(true);
    }
    expect(new Set(files.map((file) => file.sha256)).size).toBe(files.length);
  });
});

describe("cacheFolder", () => {
  it("follows FALLLINE_CACHE, XDG and the systems' conventions", () => {
    expect(cacheFolder({ FALLLINE_CACHE: "here", XDG_CACHE_HOME: "/x" }, "linux")).toBe(resolve("here"));
    expect(cacheFolder({ XDG_CACHE_HOME: "/x" }, "linux")).toBe("/x/fallline");
    expect(cacheFolder({ XDG_CACHE_HOME: "relative" }, "linux")).toBe(join(homedir(), ".cache/fallline"));
    expect(cacheFolder({}, "darwin")).toBe(join(homedir(), "Library/Caches/fallline"));
    expect(cacheFolder({ LOCALAPPDATA: "/local" }, "win32")).toBe("/local/fallline/Cache");
  });
});
