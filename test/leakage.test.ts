import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readNpy } from "../src/data/npy.ts";
import { randomStream } from "../src/numeric/random.ts";
import { readRunRecord } from "../src/runs/run-record.ts";
import { bin, contentsOf, start } from "./command-line.ts";

const picture = fileURLToPath(new URL("../examples/fallline.png", import.meta.url));
const classifiers = fileURLToPath(new URL("vectors/classifiers", import.meta.url));

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fallline-leakage-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const attack = (...args: readonly string[]) => start(bin, ["leakage", "attack", ...args], { cwd: folder });

/** The numbers in what `--json` prints. */
const valuesOf = (stdout: string): Record<string, number> =>
  (JSON.parse(stdout) as { values: Record<string, number> }).values;

describe("fallline leakage attack", () => {
  it("names in its help page each choice once", async () => {
    const { stdout } = await attack("--help");
    expect(stdout).toMatch(/--method auto\|dlg\|inverting\|linear\|closed-form +dlg matches gradients/);
    expect(stdout).toMatch(/IMAGE +PNG, JPEG, WebP or TIFF images/);
  });

  it("recovers the README's picture from its gradient and writes the run", async () => {
    const { code, stdout, stderr } = await attack(
      picture,
      "--json",
      "--quiet",
      "--out",
      "run",
      "--evaluations",
      "3500",
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const result = valuesOf(stdout);
    expect(result.meanSquaredError).toBeLessThan(1e-4);
    expect(result.recoveredLabel).toBe(result.label);
    for (const file of [
      "run.json",
      "report.html",
      "metrics.jsonl",
      "images/recovered.png",
      "images/side-by-side.png",
      "images/film-strip.png",
      "figures/matching-loss.svg",
      "arrays/recovered.npy",
    ])
      expect(existsSync(join(folder, "run", file)), file).toBe(true);
    const report = readFileSync(join(folder, "run/report.html"), "utf8");
    expect(report).toContain("The image was recovered from its gradient");
    expect(report).toMatch(/resized to 32x32/);
  });

  it("gives the same numbers for the same seed, whatever the number of threads, and others for another", async () => {
    const results = await Promise.all(
      [
        ["--seed", "5", "--threads", "1"],
        ["--seed", "5", "--threads", "2"],
        ["--seed", "6", "--threads", "1"],
      ].map(async (options, i) => {
        const { stdout } = await attack(
          picture,
          "--json",
          "--evaluations",
          "60",
          "--out",
          `run-${i}`,
          ...options,
        );
        return valuesOf(stdout).meanSquaredError;
      }),
    );
    expect(results[1]).toBe(results[0]);
    expect(results[2]).not.toBe(results[0]);
  });

  it("says in words that a budget of one evaluation was spent", async () => {
    const { stdout } = await attack(picture, "--quiet", "--evaluations", "1");
    expect(stdout).toContain("The attack ended because its budget of gradient evaluations was spent.");
  });

  it("says what the client's defence was and what the attacker did about it", async () => {
    const { stdout, stderr } = await attack(picture, "--evaluations", "60", "--defence", "prune:0.1,fp16");
    expect(stderr).toContain(
      "pruned, then every entry rounded to fp16. The attacker knows it and matches only the entries",
    );
    expect(stdout).toContain("60");
  });

  it.each([
    ["prune:2", "--defence: prune: ratio 2"],
    ["frob", '--defence: defence "frob" is not one of none'],
    ["batch:4", '--defence: found "batch:4"; expected defences other than batch'],
  ])("refuses the defence %s in one line", async (defence, message) => {
    const { code, stderr } = await attack(picture, "--defence", defence);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("takes a label, optimises one with the image, and works in float32", async () => {
    for (const options of [
      ["--label", "17"],
      ["--label", "joint"],
      ["--dtype", "float32"],
    ]) {
      const { code, stdout } = await attack(picture, "--json", "--evaluations", "40", ...options);
      expect(code).toBe(0);
      const { label, recoveredLabel } = valuesOf(stdout);
      if (options[1] === "17") expect([label, recoveredLabel]).toEqual([17, 17]);
    }
  });

  it.each([
    ["a text file named .png", "notes.png", "these are notes"],
    ["a file of 0 bytes", "empty.png", ""],
  ])("refuses %s in one line and leaves nothing behind", async (_, name, content) => {
    writeFileSync(join(folder, name), content);
    const { code, stdout, stderr } = await attack(name, "--out", "run");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(name);
    expect(readdirSync(folder)).toEqual([name]);
  });

  it.each([
    [["missing.png"], "missing.png"],
    [["."], "folder"],
    [[picture, "--threads", "0"], "--threads"],
    [[picture, "--label", "100"], "--label"],
    [[picture, "--label", "cat"], "--label"],
    [[picture, "--evaluations", "0"], "--evaluations"],
    [[picture, "--modle", "lenet"], "--modle"],
    [[picture, "--model", "vgg"], "--model"],
    [[picture, "--out", "/proc/nowhere"], "/proc/nowhere"],
    [[], "IMAGE"],
  ])("refuses %j in one line", async (args, named) => {
    const { code, stdout, stderr } = await attack(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(named);
  });

  it.each([
    [[""], 'IMAGE: expected PNG, JPEG, WebP or TIFF images of any size, found ""'],
    [[picture, "--out", ""], "--out: expected a text (DIR) that is not empty, found an empty text"],
  ])("says of %j that it is empty", async (args, message) => {
    const { code, stdout, stderr } = await attack(...args);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: "", stderr: `fallline: ${message}\n` });
  });

  it("recovers an image from a gradient that PyTorch recorded, for a network that PyTorch exported", async () => {
    const { code, stdout, stderr } = await attack(
      "--gradients",
      join(classifiers, "lenet-sigmoid-gradient.npz"),
      "--model",
      join(classifiers, "lenet-sigmoid.onnx"),
      "--json",
      "--quiet",
      "--out",
      "run",
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({ values: { isMatched: true, labels: [3], method: "dlg" } });
    const { data } = await readNpy(join(folder, "run/arrays/recovered.npy"));
    // The client's image: numpy.random.default_rng(7).random((2, 3, 32, 32))[0].
    const original = randomStream(7).uniform(3 * 32 * 32);
    const error =
      original.reduce((sum, pixel, i) => sum + (pixel - Number(data[i])) ** 2, 0) / original.length;
    expect(error).toBeLessThan(1e-4);
    expect(readFileSync(join(folder, "run/report.html"), "utf8")).toContain("The original is not known here");
    expect(existsSync(join(folder, "run/images/recovered.png"))).toBe(true);
  });

  it("attacks batches and single images of an exported network, and goes on where it was stopped", async () => {
    const args = [
      ...[picture, picture, picture, "--batch", "2", "--label", "1,2,3", "--evaluations", "400"],
      ...["--model", join(classifiers, "lenet-sigmoid.onnx"), "--quiet"],
    ];
    const [whole, cut] = await Promise.all([
      attack(...args, "--out", "whole"),
      start(bin, ["leakage", "attack", ...args, "--out", "cut"], {
        cwd: folder,
        async started(child) {
          while (!existsSync(join(folder, "cut/checkpoints"))) await sleep(5);
          child.kill("SIGINT");
        },
      }),
    ]);
    expect([whole.code, cut.code]).toEqual([0, 130]);
    expect(whole.stdout).toMatch(/of 3 images were recovered from 2 gradients/);
    expect((await attack("--resume", "cut", "--quiet")).code).toBe(0);
    const files = contentsOf(join(folder, "whole"));
    expect(Object.keys(files)).toEqual(
      expect.arrayContaining(["images/film-strip-2.png", "tables/images.csv", "arrays/original.npy"]),
    );
    expect(contentsOf(join(folder, "cut"))).toEqual(files);
    expect(files["tables/images.csv"]?.trim().split("\n")).toHaveLength(4);
  });

  it("reads the image off a fully connected first layer, and solves LeNet in closed form", async () => {
    for (const options of [
      ["--model", "mlp"],
      ["--method", "closed-form"],
    ]) {
      const { code, stdout } = await attack(picture, "--quiet", ...options);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^The image was recovered from its gradient.*Read off the gradient, no search/s);
    }
  });

  it("tries several starts and tells of each", async () => {
    const { stdout } = await attack(
      picture,
      "--json",
      "--evaluations",
      "30",
      "--restarts",
      "3",
      "--out",
      "run",
    );
    expect(valuesOf(stdout)).toMatchObject({ attempts: 3 });
    const rows = readFileSync(join(folder, "run/tables/attempts.csv"), "utf8").trim().split("\n");
    expect(rows).toHaveLength(4);
    expect(rows.filter((row) => row.includes("yes"))).toHaveLength(1);
  });

  it("tells in one line how a gradient file differs from the network", async () => {
    const { code, stderr } = await attack(
      "--gradients",
      join(classifiers, "lenet-sigmoid-gradient.npz"),
      "--model",
      join(classifiers, "small-cnn-softmax.onnx"),
    );
    expect(code).toBe(2);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain("conv.weight: [4,3,3,3] expected, nothing found");
    expect(stderr).toContain("body.0.weight: not expected, [12,3,5,5] found");
  });

  it("ends with 130 on Ctrl-C and says so in the run", async () => {
    const out = join(folder, "run");
    const { code } = await start(
      bin,
      ["leakage", "attack", picture, "--out", out, "--evaluations", "1000000"],
      {
        cwd: folder,
        started: async (child) => {
          while (!existsSync(join(out, "run.json"))) await sleep(20);
          await sleep(1500);
          child.kill("SIGINT");
          await Promise.race([once(child, "close"), sleep(10_000)]);
        },
      },
    );
    expect(code).toBe(130);
    expect((await readRunRecord(out)).state).toBe("interrupted");
  });
});
