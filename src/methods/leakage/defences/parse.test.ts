import { describe, expect, it } from "vitest";
import { parameterAt } from "../../../models/model.ts";
import { randomStream } from "../../../numeric/random.ts";
import { double } from "../tiny-network.testing.ts";
import { applyDefences, defenceForms, parseDefences } from "./parse.ts";

const gradient = { layer: { weight: double([3, -4, 0.1, 0], [4]) } };
const context = { stream: randomStream(0) };

describe("parseDefences", () => {
  it("applies defences in their order", async () => {
    const { defences, text, description } = parseDefences("clip:1, prune:0.5");
    expect(text).toBe("clip:1,prune:0.5");
    expect(description).toBe("clipping to norm 1, then the smallest 50 % of each tensor pruned");
    const shared = await applyDefences(gradient, defences, context);
    const [a = 0, b = 0, c, d] = Array.from(parameterAt(shared, "layer.weight").data as Float64Array);
    const norm = Math.hypot(3, 4, 0.1);
    expect([a * norm, b * norm, c, d].map((value) => Number(value?.toFixed(10)))).toEqual([3, -4, 0, 0]);
  });

  it("takes every form that it lists", () => {
    const examples: Record<string, string> = {
      S: "1e-3",
      B: "0.1",
      NORM: "1",
      M: "0.5",
      RATIO: "0.3",
      N: "8",
      K: "4",
      RATE: "0.1",
    };
    for (const { form } of defenceForms) {
      const text = form.replace(/\b(S|B|NORM|M|RATIO|N|K|RATE)\b/g, (word) => examples[word] ?? word);
      const plan = parseDefences(text);
      expect(plan.text).toBe(text);
      for (const defence of plan.defences)
        expect(parseDefences(defence.text).defences[0]?.text).toBe(defence.text);
    }
    expect(parseDefences("noise:gaussian:variance=1e-4").description).toContain("variance 0.0001");
    expect(parseDefences("noise:laplacian:variance=1e-4").defences[0]?.text).toBe(
      "noise:laplacian:variance=0.0001",
    );
  });

  it("reads mixing", () => {
    expect(parseDefences("batch:8,local-steps:4:0.1,fp16")).toMatchObject({
      batch: 8,
      localSteps: { count: 4, learningRate: 0.1 },
    });
    expect(parseDefences("none")).toMatchObject({ text: "none", description: "no defence", defences: [] });
  });

  it.each([
    ["", 'defence "" is not one of none, noise:gaussian:S'],
    ["noise:1e-3", 'defence "noise:1e-3" is not one of'],
    ["prune:0.3,shuffle", 'defence "shuffle" in "prune:0.3,shuffle" is not one of'],
    ["prune:30%", 'defence prune:30%: "30%" is not a number'],
    ["prune:1.5", "prune: ratio 1.5 is not a number from 0 to 1"],
    ["noise:gaussian:-1", "noise:gaussian:-1: the scale -1 is not a positive number"],
    ["clip:", 'defence clip:: "" is not a number'],
    ["fp16:2", 'defence "fp16:2" is not one of'],
    ["batch:1.5", "batch: 1.5 is not a positive integer"],
    ["constructor", 'defence "constructor" is not one of'],
  ])("says of %j what is accepted", (text, message) => {
    expect(() => parseDefences(text)).toThrow(message);
  });
});
