// @ts-check

/**
 * The quantile of a sample by linear interpolation (NumPy's default).
 *
 * @param {readonly number[]} values at least one
 * @param {number} probability in [0, 1]
 */
export function quantile(values, probability) {
  const sorted = values.toSorted((a, b) => a - b);
  const position = probability * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[below + 1] ?? low;
  return low + (position - below) * (high - low);
}

/** @param {readonly number[]} values */
export function median(values) {
  return quantile(values, 0.5);
}

/**
 * Median, quartiles and number of the samples of all rounds.
 *
 * @param {readonly (readonly number[])[]} rounds
 */
export function summarize(rounds) {
  const samples = rounds.flat();
  return {
    median: median(samples),
    quartiles: [quantile(samples, 0.25), quantile(samples, 0.75)],
    samples: samples.length,
  };
}

/**
 * The ratio of two sides' medians with a 95% bootstrap interval. Whole rounds are drawn, the same ones for both
 * sides: samples of one round share the machine's state, so that single samples are not independent.
 *
 * @param {readonly (readonly number[])[]} ours samples by round
 * @param {readonly (readonly number[])[]} peer samples by round, as many rounds
 * @param {{ resamples?: number }} [options]
 */
export function ratioOfMedians(ours, peer, { resamples = 1000 } = {}) {
  const next = randomIndex(ours.length);
  const ratios = Array.from({ length: resamples }, () => {
    const drawn = ours.map(() => next());
    return median(drawn.flatMap((i) => ours[i] ?? [])) / median(drawn.flatMap((i) => peer[i] ?? []));
  });
  return {
    ratio: median(ours.flat()) / median(peer.flat()),
    interval: [quantile(ratios, 0.025), quantile(ratios, 0.975)],
  };
}

/**
 * Random numbers 0 to `count` - 1 (xorshift32 from a fixed start: the same samples give the same interval).
 *
 * @param {number} count
 */
function randomIndex(count) {
  let state = 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 4294967296) * count);
  };
}
