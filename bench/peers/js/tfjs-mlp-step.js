/** Training steps of an MLP 784-128-10, TensorFlow.js (wasm): tf.train.sgd, eager. */
import { labels, uniform } from "../../harness/data.js";
import { serve } from "../../harness/serve.js";
import { startTensorFlow } from "./tfjs.js";
import { versionOf } from "./versions.js";

serve(async ({ batch = 64, steps = 100 }, threads) => {
  const tf = await startTensorFlow(threads);
  const learningRate = 0.1;
  const initial = [
    tf.tensor(Float32Array.from(uniform(784 * 128, 3, -0.05, 0.05)), [784, 128]),
    tf.zeros([128]),
    tf.tensor(Float32Array.from(uniform(128 * 10, 4, -0.1, 0.1)), [128, 10]),
    tf.zeros([10]),
  ];
  const weights = initial.map((w) => tf.variable(w));
  const [w1, b1, w2, b2] = weights;
  const images = Float32Array.from(uniform(steps * batch * 784, 1));
  const classes = labels(steps * batch, 10, 2);
  // Batches lie in the backend's memory, with one-hot labels, before the time starts.
  const batches = Array.from({ length: steps }, (_, step) => ({
    x: tf.tensor(images.slice(step * batch * 784, (step + 1) * batch * 784), [batch, 784]),
    y: tf.oneHot(tf.tensor(classes.slice(step * batch, (step + 1) * batch), [batch], "int32"), 10).toFloat(),
  }));

  const optimizer = tf.train.sgd(learningRate);
  const loss = (x, y) => {
    const hidden = x.matMul(w1).add(b1).relu();
    const logits = hidden.matMul(w2).add(b2);
    // A little faster than tf.losses.softmaxCrossEntropy, and than tf.fused.matMul.
    return logits
      .logSoftmax()
      .mul(y)
      .sum()
      .mul(-1 / batch);
  };
  const train = () => {
    weights.forEach((w, i) => {
      w.assign(initial[i]);
    });
    return batches.map(({ x, y }) => optimizer.minimize(() => loss(x, y), true, weights));
  };

  const losses = train().map((value) => value.dataSync()[0]);
  return {
    run: () => {
      tf.dispose(train());
    },
    unit: steps,
    check: [losses[0], losses.reduce((sum, value) => sum + value, 0) / steps],
    versions: { "TensorFlow.js": versionOf("@tensorflow/tfjs") },
  };
});
