// Draws examples/fallline.png: a ski slope as a loss surface sees it. Contour bands of a smooth height field, lit from
// the upper left, and the path of steepest descent from the summit to the valley. Pure computation, the same pixels
// every time.
import { fileURLToPath } from "node:url";
import sharp from "sharp";

const size = 256;
const oversampling = 3;

/** [x, y, width, height] of the hills and hollows; x to the right, y down, in units of the picture. */
const hills = [
  [0.27, 0.24, 0.22, 1.0],
  [0.8, 0.34, 0.16, 0.5],
  [0.1, 0.85, 0.2, 0.42],
  [0.74, 0.78, 0.19, -0.8],
  [0.48, 0.6, 0.1, -0.16],
];

/** Colours from the valley to the summit: lake, meadow, wood in evening light, snow. */
const ramp = [
  [24, 68, 120],
  [42, 138, 150],
  [118, 178, 108],
  [242, 196, 92],
  [232, 116, 72],
  [178, 78, 116],
  [246, 238, 236],
];

function height(x, y) {
  let sum = 0;
  for (const [cx, cy, width, size] of hills)
    sum += size * Math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * width ** 2));
  return sum;
}

function slope(x, y) {
  const step = 1e-4;
  return [
    (height(x + step, y) - height(x - step, y)) / (2 * step),
    (height(x, y + step) - height(x, y - step)) / (2 * step),
  ];
}

/** The fall line: from beside the summit always straight down. */
function descend([x, y], steps, stepSize) {
  const path = [[x, y]];
  for (let step = 0; step < steps; step++) {
    const [dx, dy] = slope(x, y);
    const length = Math.hypot(dx, dy);
    if (length < 0.02) break;
    x -= (stepSize * dx) / length;
    y -= (stepSize * dy) / length;
    path.push([x, y]);
  }
  return path;
}

function mix(a, b, part) {
  return a.map((value, channel) => value + (b[channel] - value) * part);
}

function rampColour(level) {
  const place = Math.min(0.9999, Math.max(0, level)) * (ramp.length - 1);
  const index = Math.floor(place);
  return mix(ramp[index], ramp[index + 1], place - index);
}

const path = descend([0.285, 0.262], 2000, 0.002);
const [summit] = path;
const valley = path[path.length - 1];
/** Gates beside the line, like those of a slalom. */
const gates = path.filter((_, index) => index % 45 === 30);

function distanceTo(points, x, y) {
  let least = Number.POSITIVE_INFINITY;
  for (const [px, py] of points) least = Math.min(least, (x - px) ** 2 + (y - py) ** 2);
  return Math.sqrt(least);
}

function colourAt(x, y) {
  const level = (height(x, y) + 0.8) / 1.82;
  const bands = 14;
  const banded = (Math.floor(level * bands) + 0.5) / bands;
  const [dx, dy] = slope(x, y);
  const light = 1 + Math.max(-0.28, Math.min(0.22, -0.05 * (-dx - dy)));
  const base = rampColour(0.65 * banded + 0.35 * level).map((value) => Math.min(255, value * light));
  if (Math.hypot(x - valley[0], y - valley[1]) < 0.026) return [24, 32, 52];
  if (Math.hypot(x - summit[0], y - summit[1]) < 0.02) return [24, 32, 52];
  if (distanceTo(gates, x, y) < 0.0125) return [214, 40, 57];
  const line = distanceTo(path, x, y);
  if (line < 0.007) return [255, 255, 255];
  return line < 0.013 ? mix(base, [24, 32, 52], 0.55) : base;
}

const pixels = new Uint8Array(size * size * 3);
for (let row = 0; row < size; row++)
  for (let column = 0; column < size; column++) {
    const sum = [0, 0, 0];
    for (let sample = 0; sample < oversampling ** 2; sample++) {
      const x = (column + ((sample % oversampling) + 0.5) / oversampling) / size;
      const y = (row + (Math.floor(sample / oversampling) + 0.5) / oversampling) / size;
      for (const [channel, value] of colourAt(x, y).entries()) sum[channel] += value;
    }
    for (let channel = 0; channel < 3; channel++)
      pixels[(row * size + column) * 3 + channel] = Math.round(sum[channel] / oversampling ** 2);
  }

const target = fileURLToPath(new URL("../examples/fallline.png", import.meta.url));
await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
  .png({ compressionLevel: 9, adaptiveFiltering: true })
  .toFile(target);
