import { pictureGrid } from "../../data/picture.ts";
import type { Run } from "../../runs/run.ts";
import type { PreparedImages } from "./prepared-data.ts";

/** How many images of each end are shown, and about how wide each is, in pixels. */
const shown = 20;
const tileWidth = 64;

/** The images that harm most and those that help most, in reading order. */
export async function writeGallery(
  run: Run,
  prepared: PreparedImages,
  order: readonly number[],
): Promise<void> {
  const [, , width = 1] = prepared.inputShape;
  const scale = Math.max(1, Math.round(tileWidth / width));
  for (const [name, rows] of [
    ["harmful", order.slice(0, shown)],
    ["helpful", order.slice(-shown).reverse()],
  ] as const) {
    const pictures = rows.map((row) => prepared.pictureOf("train", row, { scale }));
    const labels = rows.map((row) => prepared.describeRow("train", row).label);
    await run.image(name, pictureGrid(pictures, { columns: 10 }), {
      caption: `The ${rows.length} most ${name} training images, the ${name === "harmful" ? "worst" : "best"} first; their classes: ${labels.join(", ")}.`,
    });
  }
}
