import { describe, expect, it } from "vitest";
import { adaptationTo } from "./adaptation.ts";
import { parseDefences } from "./defences/parse.ts";

describe("adaptationTo", () => {
  it.each([
    ["none", {}, "squared"],
    ["noise:gaussian:1e-3,fp16", {}, "squared"],
    ["prune:0.3", { mask: "sent" }, "squared"],
    ["fp16,top-k:0.1", { mask: "sent" }, "squared"],
    ["soteria:0.1", { mask: "sent" }, "squared"],
    ["clip:1", { distance: "cosine" }, "cosine"],
    ["dp:1:0.1,prune:0.5", { mask: "sent", distance: "cosine" }, "cosine"],
  ] as const)("knows what %s does", (text, options, distance) => {
    const adapted = adaptationTo(parseDefences(text));
    expect(adapted.options).toEqual(options);
    expect(adapted.distance).toBe(distance);
    expect(adapted.words !== undefined).toBe(Object.keys(options).length > 0);
  });
});
