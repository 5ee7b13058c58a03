import { describe, expect, it } from "vitest";
import { z } from "zod";
import { InputError } from "../data/input-error.ts";
import { describeParameters } from "../runs/parameters.ts";
import { readArgument } from "./arguments.ts";

function read(schema: z.ZodType, text: string): unknown {
  const [description] = describeParameters(z.object({ value: schema }));
  if (description === undefined) throw new Error("no parameter");
  return readArgument(description, text);
}

describe("readArgument", () => {
  it("reads a number only where the parameter takes numbers", () => {
    expect(read(z.number(), "-1.5e-3")).toBe(-0.0015);
    expect(read(z.string(), "12")).toBe("12");
    expect(read(z.union([z.int(), z.enum(["infer"])]), "12")).toBe(12);
    expect(read(z.union([z.int(), z.enum(["infer"])]), "infer")).toBe("infer");
  });

  it("leaves what is no decimal number as a text, for the schema to refuse", () => {
    for (const text of ["", " ", "0x10", "1_000", "Infinity", "NaN", "1,5", "12px"])
      expect(read(z.number(), text)).toBe(text);
  });

  it("splits lists at their commas", () => {
    expect(read(z.array(z.int()), "1,2,x")).toEqual([1, 2, "x"]);
    const words = z.array(z.union([z.int(), z.enum(["infer"])]));
    expect(read(words, "1,infer")).toEqual([1, "infer"]);
  });

  it("takes an option in the place of a value for a forgotten value", () => {
    expect(() => read(z.string(), "--json")).toThrow(InputError);
  });
});
