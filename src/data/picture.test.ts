import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { fromNested, type NDArray, ndarray } from "../engine/ndarray.ts";
import { encodePng, filmStrip, pictureOf, sideBySide } from "./picture.ts";

const grey = (value: number): NDArray => ndarray([value], [1, 1, 1], "float64");

function redsOf(picture: { data: Uint8Array }): number[] {
  return [...picture.data].filter((_, index) => index % 4 === 0);
}

describe("pictureOf", () => {
  it("clamps to [0, 1] and rounds to 8 bits", () => {
    const image = ndarray([-3, 0.5, 1, 7], [1, 2, 2], "float64");
    expect(redsOf(pictureOf(image))).toEqual([0, 128, 255, 255]);
  });

  it("interleaves the channels", () => {
    const image = ndarray([1, 0, 0, 1, 0, 0], [3, 1, 2], "float32");
    expect([...pictureOf(image).data]).toEqual([255, 0, 0, 255, 0, 255, 0, 255]);
  });

  it("enlarges by nearest neighbour", () => {
    const image = ndarray([0, 1], [1, 1, 2], "float64");
    const picture = pictureOf(image, { scale: 2 });
    expect([picture.width, picture.height]).toEqual([4, 2]);
    expect(redsOf(picture)).toEqual([0, 0, 255, 255, 0, 0, 255, 255]);
  });

  it("refuses NaN, other shapes and broken scales", () => {
    expect(() => pictureOf(grey(Number.NaN))).toThrow("element 0 of the image is NaN");
    expect(() => pictureOf(fromNested([[1]], "float64"))).toThrow("found [1,1]");
    expect(() => pictureOf(ndarray([1, 2], [2, 1, 1], "float64"))).toThrow("1 or 3 channels");
    expect(() => pictureOf(grey(1), { scale: 1.5 })).toThrow("scale 1.5");
  });
});

describe("layouts", () => {
  it("puts the original, the recovered image and their difference side by side", () => {
    const picture = sideBySide([[grey(1), grey(0.2)]], { gap: 1 });
    expect([picture.width, picture.height]).toEqual([5, 1]);
    expect(redsOf(picture)).toEqual([255, 0, 51, 0, 204]);
    expect([...picture.data].filter((_, index) => index % 4 === 3)).toEqual([255, 0, 255, 0, 255]);
    expect(() => sideBySide([[grey(1), ndarray([1, 1], [1, 1, 2], "float64")]])).toThrow("differ");
  });

  it("breaks a film strip into rows", () => {
    const picture = filmStrip([grey(0), grey(1), grey(0.2)], { gap: 1, columns: 2 });
    expect([picture.width, picture.height]).toEqual([3, 3]);
    expect(redsOf(picture)).toEqual([0, 0, 255, 0, 0, 0, 51, 0, 0]);
    expect(() => filmStrip([])).toThrow("no images");
  });
});

describe("encodePng", () => {
  it("writes the pixels of the picture", async () => {
    const picture = sideBySide([[grey(1), grey(0.2)]], { gap: 1 });
    const read = await sharp(await encodePng(picture))
      .ensureAlpha()
      .raw()
      .toBuffer();
    expect([...read]).toEqual([...picture.data]);
  });

  it("leaves out the alpha channel of an opaque picture", async () => {
    expect(await sharp(await encodePng(pictureOf(grey(0.4)))).metadata()).toMatchObject({
      channels: 3,
      hasAlpha: false,
    });
  });
});
