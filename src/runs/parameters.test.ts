import { describe, expect, it } from "vitest";
import { z } from "zod";
import { InputError } from "../data/input-error.ts";
import { describeParameters, parseParameters } from "./parameters.ts";

function acceptedBy(schema: z.ZodType): string | undefined {
  return describeParameters(z.object({ value: schema }))[0]?.accepted;
}

describe("describeParameters", () => {
  it.each([
    [z.int().min(1).max(100), "a whole number from 1 to 100"],
    [z.int(), "a whole number"],
    [z.number().gt(0), "a number above 0"],
    [z.number().min(0).lt(1), "a number from 0 and below 1"],
    [z.number().max(3), "a number of at most 3"],
    [z.number().lt(3), "a number below 3"],
    [z.enum(["lenet", "cnn"]), "one of lenet, cnn"],
    [z.enum(["lenet"]), "lenet"],
    [z.union([z.int().min(0), z.enum(["infer", "joint"])]), "a whole number from 0, or one of infer, joint"],
    [z.array(z.int().min(1)), "a list, each item a whole number from 1"],
    [z.boolean(), "true or false"],
    [z.string(), "a text"],
    [z.string().min(1), "a text that is not empty"],
    [z.string().meta({ positional: true, description: "a file of numbers" }), "a file of numbers"],
  ])("puts the range of schema %# into words", (schema, words) => {
    expect(acceptedBy(schema)).toBe(words);
  });

  it("reads the default, the unit and the flag, wherever they stand in the schema", () => {
    const schema = z.object({
      learningRate: z.number().meta({ unit: "s" }).default(0.1).describe("How fast"),
      file: z.string().meta({ positional: true, placeholder: "FILE" }),
    });
    const [rate, file] = describeParameters(schema);
    expect(rate).toMatchObject({ label: "--learning-rate", defaultValue: 0.1, unit: "s", required: false });
    expect(rate).toMatchObject({ description: "How fast", placeholder: "N" });
    expect(file).toMatchObject({ label: "FILE", positional: true, required: true });
  });
});

describe("parseParameters", () => {
  const schema = z.object({
    stepCount: z.int().min(1).max(9).default(3),
    whole: z.int().min(0).optional(),
    kind: z.enum(["a", "b"]).default("a"),
    sizes: z.array(z.int()).default([1]),
    even: z
      .int()
      .refine((value) => value % 2 === 0, "expected an even number")
      .default(2),
  });

  it("fills in defaults", () => {
    expect(parseParameters(schema, { kind: "b" })).toEqual({ stepCount: 3, kind: "b", sizes: [1], even: 2 });
  });

  it.each([
    [{ stepCount: 10 }, "--step-count: expected a whole number from 1 to 9, found 10"],
    [{ stepCount: 1.5 }, "--step-count: expected a whole number from 1 to 9, found 1.5"],
    [{ stepCount: "many" }, '--step-count: expected a whole number from 1 to 9, found "many"'],
    [{ stepCount: Number.NaN }, "--step-count: expected a whole number from 1 to 9, found NaN"],
    [
      { whole: 1e20 },
      "--whole: expected a whole number from 0 to 9007199254740991, found 100000000000000000000",
    ],
    [{ kind: "" }, "--kind: expected one of a, b, found an empty text"],
    [{ kind: "c" }, '--kind: expected one of a, b, found "c"'],
    [{ sizes: [1, "x"] }, '--sizes: expected a list, each item a whole number, found "1,x"'],
    [{ even: 3 }, "--even: expected an even number, found 3"],
  ])("names the parameter, what is accepted and what was found: %o", (values, message) => {
    expect(() => parseParameters(schema, values)).toThrow(new InputError(message));
  });
});
