import { describe, expect, it } from "vitest";
import { toCsv } from "./csv.ts";
import { formatNumber, formatSeconds, formatSigned } from "./format.ts";
import { toJson } from "./json.ts";

describe("numbers for readers", () => {
  it.each([
    [2113, "2,113"],
    [0, "0"],
    [3.1e-7, "3.10e-7"],
    [0.0213456, "0.0213"],
    [65.123, "65.1"],
    [123456.7, "1.23e5"],
    [-0.5, "-0.5"],
    [Number.POSITIVE_INFINITY, "infinite"],
    [Number.NaN, "NaN"],
  ])("%d is %s", (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });

  it.each([
    [-0.00312, "−0.0031"],
    [2.94e-4, "+2.9e-4"],
    [0, "+0"],
  ])("a change of %d is %s", (value, text) => {
    expect(formatSigned(value)).toBe(text);
  });

  it.each([
    [0.34, "340 ms"],
    [2.44, "2.4 s"],
    [59.99, "1 min 0 s"],
    [185, "3 min 5 s"],
    [4320, "1 h 12 min"],
  ])("%d seconds are %s", (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });
});

describe("values for programs", () => {
  it("keeps infinities and NaN as texts in JSON", () => {
    expect(toJson({ psnr: Number.POSITIVE_INFINITY, x: [Number.NaN] })).toBe(
      '{"psnr":"Infinity","x":["NaN"]}',
    );
  });

  it("quotes CSV as RFC 4180 says and leaves missing cells empty", () => {
    expect(
      toCsv([
        { a: 1, b: 'say "x", y' },
        { a: null, c: true },
      ]),
    ).toBe('a,b,c\n1,"say ""x"", y",\n,,true\n');
  });
});
