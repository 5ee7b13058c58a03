import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseHTML } from "linkedom";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InputError } from "../../data/input-error.ts";
import { executeCommand } from "../../runs/execute.ts";
import { parseParameters } from "../../runs/parameters.ts";
import { defineLeakage } from "./method.ts";

const example = fileURLToPath(new URL("../../../examples/fallline.png", import.meta.url));

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fallline-risk-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const notAsked = () => {
  throw new Error("nothing else is attacked here");
};

function risk(
  values: Record<string, unknown>,
  watch: { signal?: AbortSignal; onProgress?: () => void } = {},
) {
  const method = defineLeakage(notAsked, { attackText: notAsked, loadModels: notAsked });
  const command = method.commands.risk;
  if (command === undefined) throw new Error("there is no command risk");
  return executeCommand({
    method,
    commandName: "risk",
    parameters: parseParameters(command.parameters, { image: example, ...values }),
    options: { seed: 1, threads: 1, out: join(folder, "run") },
    ...watch,
  });
}

describe("leakage risk", () => {
  it("measures the error that it predicts", async () => {
    const { folder: path, result } = await risk({ noise: 1e-3, draws: 1, evaluations: 1500 });
    const { predictedMeanSquaredError, ratio } = result.values;
    expect(result.values).toMatchObject({
      unknowns: 784,
      equations: 13_426,
      undetermined: 0,
      drawsDownToNoise: 1,
    });
    expect(predictedMeanSquaredError).toBeGreaterThan(2e-5);
    expect(predictedMeanSquaredError).toBeLessThan(3e-4);
    // One draw has a standard deviation of about a tenth of the prediction.
    expect(ratio).toBeGreaterThan(0.6);
    expect(ratio).toBeLessThan(1.5);
    expect(result.answer).toContain("Cramér-Rao");
    expect(result.answer).toContain("one draw: no standard error");
    const [, draw = ""] = readFileSync(join(path, "tables", "draws.csv"), "utf8").split("\n");
    const [, measured, linear] = draw.split(",").map(Number);
    expect((measured ?? 0) / (linear ?? 1)).toBeGreaterThan(0.95);
    expect((measured ?? 0) / (linear ?? 1)).toBeLessThan(1.05);
    expect(readFileSync(join(path, "figures", "spectrum.svg"), "utf8")).toMatch(
      /predicted mean squared error \d/,
    );
    const { document } = parseHTML(readFileSync(join(path, "report.html"), "utf8"));
    expect(document.querySelector(".notes")?.textContent).toContain("unbiased attackers only");
  });

  it("does not count an attack that was cut short, and says so", async () => {
    const { result } = await risk({ draws: 1, evaluations: 10 });
    expect(result.values).toMatchObject({ draws: 1, drawsDownToNoise: 0 });
    expect(result.values).not.toHaveProperty("ratio");
    expect(result.answer).toContain("Of 1 measured attack none matched");
  });

  it("stops when it is interrupted", async () => {
    const controller = new AbortController();
    const onProgress = () => controller.abort(new Error("stop"));
    await expect(risk({ draws: 0 }, { signal: controller.signal, onProgress })).rejects.toThrow("stop");
    expect(existsSync(join(folder, "run", "report.html"))).toBe(false);
  });

  it.each([
    [{ label: 10 }, "--label: expected classes of LeNet with sigmoids from 0 to 9, found 10"],
    [{ noise: 0 }, "--noise"],
    [{ model: "vgg" }, "--model: expected one of lenet, lenet-grey, logistic"],
  ])("refuses %o", async (values, message) => {
    const run = (async () => risk(values))();
    await expect(run).rejects.toThrow(InputError);
    await expect(run).rejects.toThrow(message);
  });
});
