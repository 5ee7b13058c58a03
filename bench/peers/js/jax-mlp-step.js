/** Training steps of an MLP 784-128-10, jax-js (wasm): a jitted step, called once a batch (there is no scan). */
import * as jax from "@jax-js/jax";
import { labels, uniform } from "../../harness/data.js";
import { serve } from "../../harness/serve.js";
import { versionOf } from "./versions.js";

const { nn, numpy: np, tree } = jax;

serve(async ({ batch = 64, steps = 100 }) => {
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  const learningRate = 0.1;
  const array = (values, shape) => np.array(Float32Array.from(values)).reshape(shape);
  const initial = {
    w1: array(uniform(784 * 128, 3, -0.05, 0.05), [784, 128]),
    b1: array(new Float32Array(128), [128]),
    w2: array(uniform(128 * 10, 4, -0.1, 0.1), [128, 10]),
    b2: array(new Float32Array(10), [10]),
  };
  const images = uniform(steps * batch * 784, 1);
  const classes = labels(steps * batch, 10, 2);
  // Batches lie on the device, with one-hot labels, before the time starts.
  const batches = Array.from({ length: steps }, (_, step) => ({
    x: array(images.subarray(step * batch * 784, (step + 1) * batch * 784), [batch, 784]),
    y: array(
      classes
        .slice(step * batch, (step + 1) * batch)
        .flatMap((c) => Array.from({ length: 10 }, (_, k) => Number(k === c))),
      [batch, 10],
    ),
  }));

  const loss = ({ w1, b1, w2, b2 }, x, y) => {
    const hidden = nn.relu(np.matmul(x, w1).add(b1));
    const logProbabilities = nn.logSoftmax(np.matmul(hidden, w2).add(b2));
    return logProbabilities
      .mul(y)
      .sum()
      .mul(-1 / batch);
  };
  const step = jax.jit((w, x, y) => {
    const [value, gradient] = jax.valueAndGrad(loss)(tree.ref(w), x, y);
    return [tree.map((weight, slope) => weight.sub(slope.mul(learningRate)), w, gradient), value];
  });
  const train = async () => {
    let w = tree.ref(initial);
    const losses = [];
    for (const { x, y } of batches) {
      const [updated, value] = step(w, x.ref, y.ref);
      w = updated;
      losses.push(value);
    }
    await jax.blockUntilReady(w);
    tree.dispose(w);
    return losses;
  };

  const losses = (await train()).map((value) => value.item());
  return {
    run: async () => {
      for (const value of await train()) value.dispose();
    },
    unit: steps,
    check: [losses[0], losses.reduce((sum, value) => sum + value, 0) / steps],
    versions: { "jax-js": versionOf("@jax-js/jax") },
  };
});
