import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const bin = fileURLToPath(new URL("../bin/fallline.js", import.meta.url));
/** The same command line with a method made for tests. */
export const toyBin = fileURLToPath(new URL("./toy-cli.js", import.meta.url));

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
