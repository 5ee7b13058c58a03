import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure } from "../data/binary-files.testing.ts";
import { readSafetensors } from "../data/safetensors.ts";
import { randomStream } from "../numeric/random.ts";
import { bert } from "./bert.ts";
import { mlp } from "./mlp.ts";
import { loadParameters, saveParameters } from "./parameter-files.ts";
import { resnet } from "./resnet.ts";

/** The models of SAVED in bench/peers/model_reference.py. */
const models = {
  mlp: mlp({ inputShape: [6], classes: 3, widths: [5, 4], activation: "tanh" }),
  resnet20: resnet({ depth: 20, inputShape: [2, 8, 8], classes: 3, width: 2 }),
  bert: bert({ vocabulary: 23, tokens: 6, hidden: 8, heads: 2, intermediate: 12, positions: 9 }),
};
const byTorch = (name: string): string =>
  fileURLToPath(new URL(`../../test/vectors/models/${name}.safetensors`, import.meta.url));

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fallline-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(Object.entries(models))("%s", (name, model) => {
  it("is read from the file that PyTorch wrote, and written again byte for byte", async () => {
    const state = await loadParameters(byTorch(name), model);
    const path = join(folder, `${name}.safetensors`);
    await saveParameters(path, state);
    expect(readFileSync(path).equals(readFileSync(byTorch(name)))).toBe(true);
  });

  it("comes back from NPZ with the same bits", async () => {
    for (const dtype of ["float32", "float64"] as const) {
      const parameters = model.init(randomStream(4), dtype);
      const buffers = model.initialBuffers?.(dtype);
      const path = join(folder, `${name}-${dtype}.npz`);
      await saveParameters(path, { parameters, buffers });
      const back = await loadParameters(path, model, { dtype });
      expect(back.parameters).toEqual(parameters);
      expect(back.buffers).toEqual(buffers);
      expect(Object.keys(back.parameters)).toEqual(Object.keys(parameters));
    }
    expect((await readdir(folder)).filter((file) => file.endsWith(".tmp"))).toEqual([]);
  });
});

describe("loadParameters", () => {
  it("says in one line which names are missing and which are unexpected", async () => {
    const other = mlp({ inputShape: [6], classes: 3, widths: [5] });
    expect(await failure(loadParameters(byTorch("mlp"), other))).toBe(
      `InputError: ${byTorch("mlp")}: the parameters of perceptron 6-5-3 with relu: unexpected 4.bias, 4.weight`,
    );
    const found = await failure(loadParameters(byTorch("mlp"), models.resnet20));
    expect(found).toContain("missing conv1.weight, bn1.weight, bn1.bias,");
    expect(found).toMatch(/and \d+ more; unexpected 0.bias/);
    expect(found).not.toContain("\n");
  });

  it("names the tensor whose shape does not fit", async () => {
    const other = mlp({ inputShape: [6], classes: 3, widths: [5, 5] });
    expect(await failure(loadParameters(byTorch("mlp"), other))).toContain(
      "tensor 2.weight: expected shape [5,5], found [4,5]",
    );
  });

  it("passes over more names where it may, and takes other names for its own", async () => {
    const other = mlp({ inputShape: [6], classes: 4, widths: [5] });
    const { parameters } = await loadParameters(byTorch("mlp"), other, { allowUnexpected: true });
    const stored = await readSafetensors(byTorch("mlp"));
    expect(parameters).toEqual({
      "0": { weight: stored["0.weight"], bias: stored["0.bias"] },
      "2": { weight: stored["2.weight"], bias: stored["2.bias"] },
    });
    const renamed = join(folder, "renamed.safetensors");
    await saveParameters(renamed, { parameters: { model: { layers: parameters } } });
    const back = await loadParameters(renamed, other, {
      rename: (name) => name.replace("model.layers.", ""),
    });
    expect(back.parameters).toEqual(parameters);
  });

  it("refuses other kinds of files, and places that cannot be written", async () => {
    expect(await failure(loadParameters("weights.pt", models.mlp))).toBe(
      "InputError: weights.pt: expected the name of a .safetensors or .npz file",
    );
    expect(await failure(saveParameters("/nowhere/w.npz", { parameters: {} }))).toContain(
      "InputError: /nowhere/w.npz:",
    );
  });
});
