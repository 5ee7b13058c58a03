/** The pictures of an attack. */
import { filmStrip, sideBySide } from "../../data/picture.ts";
import type { NDArray } from "../../engine/ndarray.ts";
import { formatCount } from "../../runs/format.ts";
import type { Run } from "../../runs/run.ts";
import type { GradientAttackOutcome } from "./attack-outcome.ts";
import { examplesOf } from "./examples.ts";

/** Pixels on the page, about, for the height of one image, of a few and of many. */
const pictureHeights = [256, 128, 64] as const;
const frameHeight = 96;
/** More images than these are not shown, but are in the arrays. */
const mostShown = 16;

/** Of the names of a gradient's items; those of the first have no number. */
export function suffixOf(place: number): string {
  return place === 0 ? "" : `-${place + 1}`;
}

/** `side-by-side`: each original, what was recovered for it, and the difference. */
export async function writePairs(
  run: Run,
  originals: readonly NDArray[],
  recovered: readonly NDArray[],
): Promise<void> {
  const pairs = originals.slice(0, mostShown).flatMap((original, i): [NDArray, NDArray][] => {
    const found = recovered[i];
    return found === undefined ? [] : [[original, found]];
  });
  await run.image("side-by-side", sideBySide(pairs, { scale: scaleFor(originals), gap: 12 }), {
    labels: ["original", "recovered", "difference"],
    caption: `What the client kept to itself, what its gradient gave away, and the absolute difference (black: none)${shownOf(originals)}.`,
  });
}

/** `film-strip`, `film-strip-2`, ...: what the attacker held on its way, a row for each image of a gradient. */
export async function writeFilms(run: Run, outcomes: readonly GradientAttackOutcome[]): Promise<void> {
  for (const [i, { frames }] of outcomes.entries()) {
    const columns = frames.map(({ images }) => examplesOf(images));
    const [first] = columns;
    if (first === undefined || !isPicture(first[0])) continue;
    const rows = first.slice(0, mostShown).map((_, row) => columns.flatMap((column) => column[row] ?? []));
    const strip = filmStrip(rows.flat(), {
      scale: scaleTo(first[0], frameHeight),
      gap: 6,
      columns: columns.length,
    });
    const which = outcomes.length === 1 ? "" : ` Gradient ${i + 1}.`;
    await run.image(`film-strip${suffixOf(i)}`, strip, {
      labels: frames.map(({ evaluation }) => formatCount(evaluation)),
      caption: `What the attacker holds after so many gradient evaluations; the first is noise.${which}`,
    });
  }
}

/** `recovered`: what was found alone; nothing where it is no picture. */
export async function writeRecovered(
  run: Run,
  recovered: readonly NDArray[],
  { inReport }: { readonly inReport: boolean },
): Promise<void> {
  if (!isPicture(recovered[0])) return;
  const shown = recovered.slice(0, mostShown);
  const caption =
    recovered.length === 1 ? "The recovered image alone." : `The recovered images${shownOf(recovered)}.`;
  await run.image("recovered", filmStrip(shown, { scale: scaleFor(recovered), gap: 6, columns: 4 }), {
    caption,
    inReport,
  });
}

function shownOf({ length }: readonly NDArray[]): string {
  return length > mostShown ? `; the first ${mostShown} of ${length}` : "";
}

/** Whether an array is an image of one or three channels. */
function isPicture(array: NDArray | undefined): array is NDArray {
  return array?.shape.length === 3 && (array.shape[0] === 1 || array.shape[0] === 3);
}

function scaleFor(images: readonly NDArray[]): number {
  const [one, few, many] = pictureHeights;
  return scaleTo(images[0], images.length === 1 ? one : images.length <= 4 ? few : many);
}

function scaleTo(image: NDArray | undefined, height: number): number {
  return Math.max(1, Math.floor(height / (image?.shape[1] ?? height)));
}
