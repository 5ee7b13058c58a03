// @ts-check
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** @param {string} path inside bench/ */
const inBench = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/**
 * The command that starts a peer, or why this machine cannot.
 *
 * @param {string} file inside bench/peers: a `.py` (PyTorch) or a `.js`
 * @returns {{ command: string[] } | { missing: string }}
 */
export function peerCommand(file) {
  const script = inBench(`peers/${file}`);
  if (file.endsWith(".js"))
    return existsSync(inBench("peers/js/node_modules"))
      ? { command: [process.execPath, script] }
      : { missing: "its packages are not installed (npm ci --prefix bench/peers/js)" };
  const python = findPython();
  if (python === undefined)
    return { missing: "no Python (FALLLINE_PEERS_PYTHON is not set and bench/peers/.venv is absent)" };
  try {
    execFileSync(python, ["-c", "import torch"], { stdio: "ignore" });
  } catch {
    return { missing: `${python} does not run or cannot import torch (see bench/README.md)` };
  }
  return { command: [python, "-W", "ignore", script] };
}

/** The Python of the peers: `FALLLINE_PEERS_PYTHON`, else the virtual environment in bench/peers, else undefined. */
export function findPython() {
  const local = inBench("peers/.venv/bin/python");
  return process.env.FALLLINE_PEERS_PYTHON || (existsSync(local) ? local : undefined);
}
