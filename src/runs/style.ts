/**
 * The house style of figures and reports: one palette, one scale of greys, light and dark. Series take the colours
 * of Okabe and Ito ("Color Universal Design", 2008), which stay apart for every common colour blindness; on dark
 * ground the dark ones are lightened.
 */
const light = {
  ground: "#ffffff",
  panel: "#f6f7f8",
  ink: "#1c2126",
  muted: "#5c6670",
  rule: "#dfe3e7",
  accent: "#0072b2",
  "series-1": "#0072b2",
  "series-2": "#d55e00",
  "series-3": "#009e73",
  "series-4": "#aa4a86",
  "series-5": "#b97e00",
  "series-6": "#2a8fc7",
};

const dark: typeof light = {
  ground: "#14181c",
  panel: "#1c2227",
  ink: "#e6e9ec",
  muted: "#98a3ad",
  rule: "#2f373e",
  accent: "#6cbcec",
  "series-1": "#56b4e9",
  "series-2": "#f08a4b",
  "series-3": "#3cc79f",
  "series-4": "#e29bc6",
  "series-5": "#e8b13a",
  "series-6": "#9cd3f2",
};

/** The palette on light ground, for what knows no CSS variables. */
export const lightColours: typeof light = light;

export type ColourName = keyof typeof light;

export const seriesCount = 6;

/** A colour of the palette as figures and pages use it: a CSS variable that follows light and dark. */
export function colour(name: ColourName): string {
  return `var(--${name})`;
}

/**
 * The colour of the n-th series, counted from 0.
 *
 * @throws RangeError from the seventh series on, which no palette keeps apart: use facets
 */
export function seriesColour(index: number): string {
  if (!Number.isInteger(index) || index < 0 || index >= seriesCount)
    throw new RangeError(`seriesColour: ${index} is not a series from 0 to ${seriesCount - 1}`);
  return `var(--series-${index + 1})`;
}

/** The palette as CSS variables of `selector`, for light screens, dark screens and paper. */
export function paletteCss(selector: string): string {
  return [
    `${selector}{color-scheme:light dark;${variables(light)}}`,
    `@media (prefers-color-scheme:dark){${selector}{${variables(dark)}}}`,
    `@media print{${selector}{color-scheme:light;${variables(light)}}}`,
  ].join("\n");
}

function variables(palette: typeof light): string {
  return Object.entries(palette)
    .map(([name, value]) => `--${name}:${value}`)
    .join(";");
}
