import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseHTML } from "linkedom";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InputError } from "../../data/input-error.ts";
import { ndarray } from "../../engine/ndarray.ts";
import { randomStream } from "../../numeric/random.ts";
import { executeCommand } from "../../runs/execute.ts";
import { parseParameters } from "../../runs/parameters.ts";
import type { AttackImages, AttackRequest } from "./attack-outcome.ts";
import { fakeAttack } from "./fake-attack.testing.ts";
import { defineLeakage } from "./method.ts";

const example = fileURLToPath(new URL("../../../examples/fallline.png", import.meta.url));

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fallline-leakage-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function attack(
  attackImages: AttackImages,
  values: Record<string, unknown> = {},
  signal?: AbortSignal,
) {
  const method = defineLeakage(attackImages, noText);
  const command = method.commands.attack;
  if (command === undefined) throw new Error("there is no attack");
  const labels: string[] = [];
  const run = await executeCommand({
    method,
    commandName: "attack",
    parameters: parseParameters(command.parameters, { images: [example], ...values }),
    options: { seed: 5, threads: 2, out: join(folder, "run") },
    onProgress: ({ label }) => labels.push(label),
    ...(signal === undefined ? {} : { signal }),
  });
  return { ...run, labels };
}

const notAsked = () => {
  throw new Error("no text is attacked here");
};
const noText = { attackText: notAsked, loadModels: notAsked };

describe("leakage attack", () => {
  it("hands the image to the attack at the model's size, with the parameters and the run's stream", async () => {
    const requests: AttackRequest[] = [];
    await attack(
      (request) => {
        requests.push(request);
        return fakeAttack(1e-3)(request);
      },
      { label: [42], dtype: "float32" },
    );
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      images: { shape: [1, 3, 32, 32], dtype: "float64" },
      labels: [42],
      model: { description: "LeNet with sigmoids" },
      settings: { labels: [42], method: "auto", evaluations: 4000, restarts: 1, dtype: "float32" },
      threads: 2,
    });
    expect(requests[0]?.stream.state()).toEqual(randomStream(5).spawn(3)[2]?.state());
  });

  it("writes pictures, curves, arrays, metrics and a report", async () => {
    const { folder: path, result, labels } = await attack(fakeAttack(1e-3));
    const files = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) =>
      /\.\w+$/.test(name),
    );
    expect(files.sort()).toEqual([
      "arrays/original.npy",
      "arrays/recovered.npy",
      "figures/image-error.svg",
      "figures/matching-loss.svg",
      "images/film-strip.png",
      "images/recovered.png",
      "images/side-by-side.png",
      "metrics.jsonl",
      "report.html",
      "run.json",
    ]);
    expect(result.answer).toMatch(/^The image was recovered from its gradient: MSE 7.5e-7, PSNR 61.2 dB/);
    expect(result.values).toMatchObject({ success: "recovered", label: 53, evaluations: 2000 });
    expect(labels.at(-1)).toBe("matching loss 4.0e-5");
    const size = (name: string) => sharp(join(path, "images", name)).metadata();
    expect(await size("recovered.png")).toMatchObject({ width: 256, height: 256 });
    expect(await size("side-by-side.png")).toMatchObject({ width: 3 * 256 + 2 * 12, height: 256 });
    expect(await size("film-strip.png")).toMatchObject({ width: 8 * 96 + 7 * 6, height: 96 });
    const lines = readFileSync(join(path, "metrics.jsonl"), "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(2 * 201);
    expect(JSON.parse(lines.at(-1) ?? "")).toEqual({
      name: "mean-squared-error",
      step: 2000,
      value: expect.closeTo(7.5e-7, 12) as number,
    });
  });

  it("says in the report what was seen and what to keep in mind", async () => {
    const { folder: path } = await attack(fakeAttack(0.5), { dtype: "float32", label: [3] });
    const { document } = parseHTML(readFileSync(join(path, "report.html"), "utf8"));
    expect(document.querySelector(".answer")?.textContent).toMatch(
      /^Not recovered: .*The attack ended because/,
    );
    const notes = document.querySelector(".notes")?.textContent ?? "";
    expect(notes).toContain("fallline.png is 256x256; resized to 32x32.");
    expect(notes).toContain("The attacker was told the label");
    expect(notes).toContain("In float32");
    expect(notes).toContain("no proof of safety");
    expect([...document.querySelectorAll(".labels")].map((labels) => labels.textContent)).toEqual([
      "originalrecovereddifference",
      expect.stringMatching(/^0.*2,000$/) as string,
    ]);
    expect(document.querySelectorAll("figure svg")).toHaveLength(2);
    expect(document.querySelectorAll("figure img")).toHaveLength(2);
    expect(document.body.textContent).toContain("arXiv 1906.08935");
  });

  it("shows every frame of the attack, once", async () => {
    const frames = [0, 40, 90].map((evaluation) => ({
      evaluation,
      images: ndarray(new Float64Array(3 * 32 * 32), [1, 3, 32, 32], "float64"),
    }));
    const { folder: path } = await attack(fakeAttack(1e-3, { frames }));
    const { document } = parseHTML(readFileSync(join(path, "report.html"), "utf8"));
    const [, strip] = document.querySelectorAll(".labels");
    expect([...(strip?.children ?? [])].map((label) => label.textContent)).toEqual(["0", "40", "90"]);
  });

  it("draws an exact match, whose loss of zero has no place on a logarithmic axis", async () => {
    const curve = [
      { evaluation: 0, matchingLoss: 1, meanSquaredError: 0.5 },
      { evaluation: 1, matchingLoss: 0, meanSquaredError: 0 },
    ];
    const psnr = Number.POSITIVE_INFINITY;
    const matches = [{ original: 0, recovered: 0, meanSquaredError: 0, psnr, ssim: 1 }];
    const exact = { curve, frames: [], matches };
    const { folder: path, result } = await attack(fakeAttack(1e-3, exact));
    expect(result.answer).toContain("PSNR infinite");
    expect(readFileSync(join(path, "figures/matching-loss.svg"), "utf8")).not.toMatch(/NaN|Infinity/);
    expect(existsSync(join(path, "images/film-strip.png"))).toBe(false);
  });

  it("refuses a file that is no image before the attack starts", async () => {
    const never: AttackImages = () => Promise.reject(new Error("attacked"));
    const run = attack(never, { images: [join(folder, "nowhere.png")] });
    await expect(run).rejects.toThrow(InputError);
    await expect(run).rejects.toThrow("there is no such file");
  });

  it("passes an interruption on to the attack", async () => {
    const controller = new AbortController();
    const interrupting: AttackImages = (request) => {
      controller.abort(new Error("stop"));
      return fakeAttack(1e-3)(request);
    };
    await expect(attack(interrupting, {}, controller.signal)).rejects.toThrow("stop");
    expect(existsSync(join(folder, "run", "report.html"))).toBe(false);
  });

  it.each([
    [{ label: [100] }, "--label: expected classes of LeNet with sigmoids from 0 to 99, found 100"],
    [
      { label: [-1] },
      '--label: expected a list, each item a whole number from 0, or one of infer, joint, found "-1"',
    ],
    [{ label: [1, 2] }, '--label: expected infer, joint, or a number, found "1,2"'],
    [{ label: ["infer", 2] }, '--label: expected infer, joint, or a number, found "infer,2"'],
    [
      { model: "vgg" },
      '--model: expected one of lenet, lenet-grey, logistic, mlp, cnn, vgg11, resnet18, resnet20, or a file whose name ends in .onnx, found "vgg"',
    ],
    [
      { model: "net.onnx", activation: "tanh" },
      "--activation tanh: the activations of net.onnx are those of its file",
    ],
    [
      { mean: [0.5, 0.5] },
      "--mean, --deviation: normalisation: mean has 2 numbers; expected 1, or 3, one for each channel",
    ],
    [{ gradients: "g.npz" }, "IMAGE: found 1 beside --gradients g.npz; expected the one or the other"],
    [
      { images: [] },
      "IMAGE: expected a PNG, JPEG, WebP or TIFF image of any size, or --gradients FILE, found nothing",
    ],
    [
      { images: [], gradients: "g.npz" },
      "--gradients g.npz: the network's parameters are needed: expected --model FILE.onnx, found --model lenet",
    ],
    [
      { defence: "batch:4" },
      '--defence: found "batch:4"; expected defences other than batch: give the images of a gradient and --batch 4',
    ],
    [{ evaluations: 0 }, "--evaluations: expected a whole number from 1 to 10000000, found 0"],
    [{ dtype: "float16" }, '--dtype: expected one of float64, float32, found "float16"'],
  ])("refuses %o", async (values, message) => {
    await expect(attack(fakeAttack(1e-3), values)).rejects.toThrow(new InputError(message));
  });
});
