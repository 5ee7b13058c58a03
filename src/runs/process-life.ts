/** Whether the process that wrote a record is still there. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { systemErrorCode } from "../data/input-error.ts";

/**
 * What tells a process from a later one of the same number: the moment of its start, as the system words it.
 *
 * @returns `undefined` where there is no such process or the system does not say
 */
export function processStart(processId: number): string | undefined {
  if (process.platform === "linux") return linuxStart(processId);
  if (process.platform === "win32") return undefined;
  const { stdout, status } = spawnSync("ps", ["-o", "lstart=", "-p", String(processId)], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  return status === 0 && stdout.trim() !== "" ? stdout.trim() : undefined;
}

/**
 * Whether a process of this host is there and started when the record says.
 *
 * @param start as `processStart` gave it; without one the number alone decides
 */
export function isAlive(processId: number, start?: string): boolean {
  try {
    process.kill(processId, 0);
  } catch (error) {
    // The process of another user may not be signalled, but it is there.
    if (systemErrorCode(error) !== "EPERM") return false;
  }
  if (process.platform === "linux" && isZombie(processId)) return false;
  const now = start === undefined ? undefined : processStart(processId);
  return now === undefined || now === start;
}

/** Ticks since the machine's start, and which start that was: numbers of processes begin anew with it. */
function linuxStart(processId: number): string | undefined {
  try {
    const ticks = statFields(processId)[19];
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return ticks === undefined ? undefined : `${boot}/${ticks}`;
  } catch {
    return undefined;
  }
}

/** A process that was killed and that nobody has waited for: it has a number still, and does nothing. */
function isZombie(processId: number): boolean {
  try {
    return statFields(processId)[0] === "Z";
  } catch {
    return false;
  }
}

/** What /proc says of a process from its state on. */
function statFields(processId: number): string[] {
  const text = readFileSync(`/proc/${processId}/stat`, "utf8");
  // Before stands the program's name in parentheses, which may hold spaces and parentheses itself.
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}
