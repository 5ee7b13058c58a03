import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { installedPackage } from "./installed.ts";

const project = await installedPackage();
export const bin = join(project, "node_modules/fallline/bin/fallline.js");
/** The same command line with a method made for tests. */
export const toyBin = join(project, "toy-cli.js");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly cwd: string;
  /** Sees the process once it runs, to send it signals. */
  readonly started?: (child: ChildProcess) => Promise<void>;
}

/** Starts a script as a process of its own, its streams piped, and waits for its end. */
export async function start(script: string, args: readonly string[], options: StartOptions): Promise<Ended> {
  const child = spawn(process.execPath, [script, ...args], { cwd: options.cwd, stdio: "pipe" });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  const closed = once(child, "close");
  await options.started?.(child);
  const [code] = (await closed) as [number | null];
  return { code, ...output };
}

/**
 * A file system of a few bytes, mounted at a folder, to be full or to be read only.
 *
 * @returns a function that gives it other options, or `undefined` where the user may not mount
 */
export function mountSmall(
  folder: string,
  size: string,
): { remount(options: string): void; unmount(): void } | undefined {
  mkdirSync(folder);
  const mount = (...args: string[]): boolean => spawnSync("mount", [...args, folder]).status === 0;
  if (!mount("-t", "tmpfs", "-o", `size=${size}`, "tmpfs")) return undefined;
  return {
    remount(options) {
      if (!mount("-o", `remount,${options}`)) throw new Error(`remount ${options} failed`);
    },
    unmount: () => void spawnSync("umount", [folder]),
  };
}
