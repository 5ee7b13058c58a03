import { attackCase } from "./leakage/cases.js";

/**
 * Whole attacks of the leakage method (Zhu, Liu, Han 2019): image and label together by L-BFGS with a strong-Wolfe line search,
 * from the shared gradient on until the image's mean squared error is below 1e-4, which a judge sees. Ours compiles its
 * graph within that time. The peer is torch.optim.LBFGS from the same start.
 */
export default {
  name: "leakage-attack",
  description: "leakage attack on LeNet (sigmoid), one image, time to a mean squared error of 1e-4",
  target: 0.6,
  aim: 0.4,
  samplesPerRound: 1,
  peer: { PyTorch: "leakage_attack.py" },
  variants: ["float64", "float32"].flatMap((dtype) => [
    { name: `1x28x28 ${dtype}`, parameters: { dtype, channels: 1, seeds: "1+3+5" } },
    { name: `3x32x32 ${dtype}`, parameters: { dtype, channels: 3, seeds: "2" } },
  ]),

  async ours({ engine: { castArray, tree }, parameters: { dtype, channels, seeds } }) {
    const leakage = "fallline/leakage";
    const { compileMatching, recover, sharedGradient } = await import(leakage);
    const clients = [];
    for (const seed of String(seeds).split("+").map(Number)) {
      const { model, parameters: exact, x, label, start } = await attackCase(channels, seed);
      const cast = (array) => castArray(array, dtype);
      const parameters = tree.map(cast, exact);
      const client = { model, parameters, x: cast(x), labels: [label], dtype };
      clients.push({ seed, model, parameters, gradient: await sharedGradient(client), start, x });
    }

    /** @returns evaluations until the judge stopped the attack */
    async function attack({ seed, model, parameters, gradient, start, x }) {
      const judge = new AbortController();
      let seen = { evaluation: 0, mse: Number.NaN };
      const stream = { normal: () => start.slice(), spawn: () => [] };
      try {
        await recover({
          model,
          parameters,
          gradient,
          dtype,
          stream,
          evaluations: 5000,
          workers: 1,
          signal: judge.signal,
          onStep: ({ evaluation, images }) => {
            const squares = images.reduce((sum, pixel, i) => sum + (pixel - x.data[i]) ** 2, 0);
            seen = { evaluation, mse: squares / images.length };
            if (seen.mse < 1e-4) judge.abort(new Error("recovered"));
          },
        });
      } catch (error) {
        if (!judge.signal.aborted) throw error;
      }
      if (!(seen.mse < 1e-4)) throw new Error(`seed ${seed}: not recovered, ${JSON.stringify(seen)}`);
      return seen.evaluation;
    }

    const run = async () => {
      const evaluations = [];
      for (const client of clients) evaluations.push(await attack(client));
      return evaluations;
    };
    const [{ model, parameters, gradient, start }] = clients;
    const matching = await compileMatching({ model, parameters, gradient, examples: 1, dtype });
    const first = await matching.objective(start);
    const pixels = start.length - model.classes;
    const check = [
      first.value,
      Math.hypot(...first.gradient.subarray(0, pixels)),
      Math.hypot(...first.gradient.subarray(pixels)),
    ];
    await matching.dispose();
    const evaluations = (await run()).join(" + ");
    const same = async () => {
      const taken = (await run()).join(" + ");
      if (taken !== evaluations) throw new Error(`${taken} evaluations, the first time ${evaluations}`);
    };
    return { run: same, unit: clients.length, check, note: `${evaluations} evaluations` };
  },
};
