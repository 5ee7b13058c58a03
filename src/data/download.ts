/** One file from the web: continued where it was cut, checked by its SHA-256, whole or not at all. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, readFile, rename, rm, stat } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { InputError, systemErrorCode } from "./input-error.ts";
import { asWriteError, describeWriteError } from "./whole-file.ts";

export interface DownloadOptions {
  /** Tried in this order until one answers with the file. */
  readonly urls: readonly string[];
  /** Where the file goes; its folder must exist. The unfinished file lies beside it, with `.part` at its end. */
  readonly path: string;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How often a cut connection is taken up again without a byte of progress. Default 3 */
  readonly retries?: number;
  /** Milliseconds before the first retry; doubled for each further. Default 500 */
  readonly retryDelay?: number;
  /** Milliseconds without a byte after which a connection counts as cut. Default 60,000 */
  readonly stallTimeout?: number;
}

/**
 * Downloads a file. A connection that is cut is taken up again with a Range request; a later call continues the
 * unfinished file; a server without ranges sends the file anew.
 *
 * @returns whether anything was downloaded: false when the whole file was there
 * @throws InputError when no address has the file, the connection stays cut (the unfinished file is kept), the size or
 *   digest is another (it is deleted), or another process is downloading it
 */
export async function downloadFile(options: DownloadOptions): Promise<boolean> {
  const { path, bytes, sha256 } = options;
  if (await hasDigest(path, bytes, sha256)) return false;
  const part = `${path}.part`;
  try {
    return await underLock(options, part);
  } catch (error) {
    throw asWriteError(part, error, { expected: `a place with room for ${bytes} bytes` });
  }
}

async function underLock(options: DownloadOptions, part: string): Promise<true> {
  const { path, sha256, signal } = options;
  const unlock = await lock(`${path}.lock`, path);
  try {
    await completePart(part, options);
    const found = await digestOf(part, signal);
    if (found !== sha256) {
      await rm(part, { force: true });
      throw new InputError(
        `${options.urls[0]}: expected a file with SHA-256 ${sha256}, found ${found}; nothing was kept`,
      );
    }
    await rename(part, path);
    return true;
  } finally {
    await unlock();
  }
}

/** Whether a file of this size and digest is there. */
export async function hasDigest(path: string, bytes: number, sha256: string): Promise<boolean> {
  return (await sizeOf(path)) === bytes && (await digestOf(path)) === sha256;
}

async function completePart(part: string, options: DownloadOptions): Promise<void> {
  const { urls, bytes, signal, retries = 3, retryDelay = 500 } = options;
  const failures: string[] = [];
  for (const url of urls) {
    for (let attempt = 0; ; attempt++) {
      signal?.throwIfAborted();
      const before = await sizeOf(part);
      if (before === bytes) return;
      // Larger than the file: of another version, or not ours.
      if (before !== undefined && before > bytes) await rm(part, { force: true });
      const outcome = await transfer(url, part, options);
      if (outcome === "done") return;
      if (outcome.isFinal || attempt >= retries) {
        failures.push(outcome.reason);
        break;
      }
      if ((await sizeOf(part)) !== before) attempt = -1;
      await pause(retryDelay * 2 ** Math.max(0, attempt), undefined, signal === undefined ? {} : { signal });
    }
  }
  const kept = (await sizeOf(part)) ?? 0;
  throw new InputError(
    `${failures.join("; ")}; expected ${bytes} bytes${kept > 0 ? `, ${kept} of them are kept: the same command goes on from there` : ""}`,
  );
}

type Outcome = "done" | { readonly reason: string; readonly isFinal: boolean };

/** One request: appends to the part what arrives. */
async function transfer(url: string, part: string, options: DownloadOptions): Promise<Outcome> {
  const { bytes, signal, onProgress, stallTimeout = 60_000 } = options;
  const stall = new AbortController();
  const timer = setTimeout(() => stall.abort(), stallTimeout);
  let file: FileHandle | undefined;
  try {
    let done = (await sizeOf(part)) ?? 0;
    const response = await fetch(url, {
      // A server that compresses on the way would send other bytes than the digest's.
      headers: { "accept-encoding": "identity", ...(done > 0 ? { range: `bytes=${done}-` } : {}) },
      signal: signal === undefined ? stall.signal : AbortSignal.any([signal, stall.signal]),
    });
    if (response.status === 416) {
      await response.body?.cancel();
      await rm(part, { force: true });
      return { reason: `${url}: the server has no bytes from ${done} on`, isFinal: false };
    }
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      const isFinal = response.status < 500 && response.status !== 408 && response.status !== 429;
      return {
        reason: `${url}: the server answered ${response.status} ${response.statusText}`.trim(),
        isFinal,
      };
    }
    const from = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
    if (response.status !== 206 || Number(from) !== done) {
      if (response.status === 206 && Number(from) !== 0) {
        await response.body.cancel();
        await rm(part, { force: true });
        return { reason: `${url}: the server sent bytes from ${from}, asked from ${done}`, isFinal: false };
      }
      done = 0;
    }
    file = await open(part, done === 0 ? "w" : "a");
    onProgress?.(done, bytes);
    for await (const chunk of response.body) {
      timer.refresh();
      done += chunk.length;
      if (done > bytes) {
        await rm(part, { force: true });
        return { reason: `${url}: the server sent more than ${bytes} bytes`, isFinal: true };
      }
      await file.writeFile(chunk);
      onProgress?.(done, bytes);
    }
    if (done < bytes) return { reason: `${url}: the connection ended after ${done} bytes`, isFinal: false };
    await file.sync();
    return "done";
  } catch (error) {
    signal?.throwIfAborted();
    if (describeWriteError(error) !== undefined) throw error;
    if (stall.signal.aborted)
      return { reason: `${url}: no byte arrived for ${stallTimeout / 1000} s`, isFinal: false };
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const code = systemErrorCode(cause);
    const reason = cause instanceof Error ? cause.message || (code ?? cause.name) : String(cause);
    // A host that is not there will not be there in a second either.
    const isFinal = ["ENOTFOUND", "ECONNREFUSED", "ERR_INVALID_URL"].includes(code ?? "");
    return { reason: `${url}: the connection failed (${reason})`, isFinal };
  } finally {
    clearTimeout(timer);
    await file?.close();
  }
}

/** Keeps a second process from writing the same file; a lock whose process is gone is taken over. */
async function lock(lockPath: string, path: string): Promise<() => Promise<void>> {
  for (let attempt = 0; ; attempt++) {
    try {
      const file = await open(lockPath, "wx");
      await file.writeFile(String(process.pid));
      await file.close();
      return () => rm(lockPath, { force: true });
    } catch (error) {
      if (systemErrorCode(error) !== "EEXIST") throw error;
      const owner = Number(await readFile(lockPath, "utf8").catch(() => "0"));
      if (attempt > 0 || isRunning(owner))
        throw new InputError(
          `${path}: process ${owner} is downloading it; wait for it, or delete ${lockPath} if there is no such process`,
        );
      await rm(lockPath, { force: true });
    }
  }
}

function isRunning(process_: number): boolean {
  if (!Number.isInteger(process_) || process_ < 1) return false;
  try {
    process.kill(process_, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === "EPERM";
  }
}

async function digestOf(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    signal?.throwIfAborted();
    hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
