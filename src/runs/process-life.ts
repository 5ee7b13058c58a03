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
  const now = start === undefined ? undefined : processStart(processId);
  return now === undefined || now === start;
}

/** Ticks since the machine's start, and which start that was: numbers of processes begin anew with it. */
function linuxStart(processId: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${processId}/stat`, "utf8");
    // The second field is the program's name in parentheses, which may hold spaces and parentheses itself.
    const ticks = fields.slice(fields.lastIndexOf(")") + 2).split(" ")[19];
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return ticks === undefined ? undefined : `${boot}/${ticks}`;
  } catch {
    return undefined;
  }
}
