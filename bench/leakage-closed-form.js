import { attackCase } from "./leakage/cases.js";

/**
 * The closed form of the leakage method: layer by layer from the head to the image, each convolution's input in least squares of
 * [W a = z; corr(a, delta) = g_W]. Ours by its own LSMR, with a change of variables; the peer by scipy's LSMR on a
 * sparse matrix of the same equations. Everything from the gradient to the image is timed, on both sides. Both must bring the image
 * back to a mean squared error of 1e-15 from a float64 gradient.
 */
export default {
  name: "leakage-closed-form",
  description:
    "closed form of the leakage method on LeNet (sigmoid), one image, to a mean squared error of 1e-15",
  target: 1.0,
  aim: 0.5,
  samplesPerRound: 1,
  peer: { "scipy LSMR": "leakage_closed_form.py" },
  variants: [
    { name: "1x28x28", parameters: { dtype: "float64", channels: 1, seeds: "1+3+5" } },
    { name: "3x32x32", parameters: { dtype: "float64", channels: 3, seeds: "1+2" } },
  ],

  async ours({ parameters: { channels, seeds } }) {
    const leakage = "fallline/leakage";
    const { closedForm, meanSquaredError, sharedGradient } = await import(leakage);
    const clients = [];
    for (const seed of String(seeds).split("+").map(Number)) {
      const { model, parameters, x, label } = await attackCase(channels, seed);
      const gradient = await sharedGradient({ model, parameters, x, labels: [label], dtype: "float64" });
      clients.push({ seed, x, label, request: { parameters, gradient, inputShape: model.inputShape } });
    }
    const run = async () => {
      const found = [];
      for (const { seed, x, label, request } of clients) {
        const { images, layers, label: foundLabel } = await closedForm(request);
        const mse = meanSquaredError(x, images);
        if (!(mse < 1e-15) || label !== foundLabel)
          throw new Error(`seed ${seed}: mean squared error ${mse}`);
        found.push({ mse, images, iterations: layers.map(({ iterations }) => iterations) });
      }
      return found;
    };
    const found = await run();
    return {
      run,
      unit: clients.length,
      check: found.map(({ images }) => Math.hypot(...images.data)),
      note: found
        .map(({ mse, iterations }) => `${iterations.join(", ")} iterations to ${mse.toExponential(1)}`)
        .join("; "),
    };
  },
};
