import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { isAlive, processStart } from "./process-life.ts";

describe("isAlive", () => {
  it("knows a process by its number and its start", () => {
    const start = processStart(process.pid);
    expect(isAlive(process.pid, start)).toBe(true);
    expect(isAlive(process.pid)).toBe(true);
    expect(isAlive(process.pid, "another moment")).toBe(start === undefined);
    expect(processStart(process.pid)).toBe(start);
  });

  it("takes a process that has ended for gone", () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    expect(isAlive(pid)).toBe(false);
    expect(processStart(pid)).toBeUndefined();
  });

  it.skipIf(process.platform !== "linux")(
    "takes one that was killed and not waited for for gone",
    async () => {
      // The shell starts a process, tells its number, and becomes a program that never waits for it.
      const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        const [line] = (await once(parent.stdout, "data")) as [Buffer];
        const child = Number(line.toString());
        expect(isAlive(child, processStart(child))).toBe(true);
        process.kill(child, "SIGKILL");
        await expect.poll(() => isAlive(child)).toBe(false);
      } finally {
        parent.kill("SIGKILL");
      }
    },
  );
});
