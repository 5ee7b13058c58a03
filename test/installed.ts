/** The package as a user gets it: packed, and installed into a folder that was empty. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The environment that the README asks for. */
export const environment = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };

/**
 * The folder of a project in which the package is installed, with a `toy-cli.js` beside it. The first that asks installs;
 * the others, in processes of their own, wait for it.
 */
export async function installedPackage(): Promise<string> {
  const folder = inject("installation");
  const project = join(folder, "project");
  const finished = join(folder, "finished");
  try {
    mkdirSync(project);
  } catch {
    while (!existsSync(finished)) await sleep(100);
    const failure = readFileSync(finished, "utf8");
    if (failure !== "") throw new Error(failure);
    return project;
  }
  try {
    install(project);
    writeFileSync(finished, "");
    return project;
  } catch (error) {
    writeFileSync(finished, `the package could not be installed: ${String(error)}`);
    throw error;
  }
}

function install(project: string): void {
  const run = (args: readonly string[], cwd: string): void => {
    execFileSync("npm", args, { cwd, stdio: ["ignore", "ignore", "pipe"], env: environment });
  };
  // The build is done; packing must not do it again.
  run(["pack", "--ignore-scripts", "--pack-destination", project], root);
  const [tarball = ""] = readdirSync(project).filter((name) => name.endsWith(".tgz"));
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "user", private: true, type: "module" }),
  );
  run(["install", "--no-audit", "--no-fund", "--prefer-offline", join(project, tarball)], project);
  const toy = readFileSync(join(root, "test/toy-cli.js"), "utf8");
  writeFileSync(join(project, "toy-cli.js"), toy.replaceAll("../dist/", "./node_modules/fallline/dist/"));
}
