/**
 * One evaluation of the leakage attack's objective on LeNet (see ../gradient_matching.py), jax-js (wasm): valueAndGrad
 * of a function that calls grad, with and without jit.
 */
import * as jax from "@jax-js/jax";
import { labels, uniform } from "../../harness/data.js";
import { serve } from "../../harness/serve.js";
import { versionOf } from "./versions.js";

const { lax, nn, numpy: np, tree } = jax;
const classes = 100;
const shapes = [[12, 3, 5, 5], [12], [12, 12, 5, 5], [12], [12, 12, 5, 5], [12], [classes, 768], [classes]];

serve(async ({ batch = 1, steps = 2 }) => {
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  const array = (shape, seed, low, high) => {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    return np.array(Float32Array.from(uniform(size, seed, low, high))).reshape(shape);
  };
  const weights = shapes.map((shape, index) => array(shape, 10 + index, -0.5, 0.5));
  const truth = array([batch, 3, 32, 32], 20, 0, 1);
  const target = nn.oneHot(np.array(labels(batch, classes, 21), { dtype: np.int32 }), classes);
  const dummy = {
    images: array([batch, 3, 32, 32], 22, -1.5, 1.5),
    logits: array([batch, classes], 23, -1.5, 1.5),
  };

  const layer = (a, w, b, stride) => {
    const padding = [
      [2, 2],
      [2, 2],
    ];
    return nn.sigmoid(lax.conv(a, w, [stride, stride], padding).add(b.reshape([1, 12, 1, 1])));
  };
  const network = ([w1, b1, w2, b2, w3, b3, w4, b4], images) => {
    const a = layer(layer(layer(images, w1, b1, 2), w2, b2, 2), w3, b3, 1);
    return np.matmul(a.reshape([batch, 768]), w4.transpose()).add(b4);
  };
  const loss = (w, images, probabilities) =>
    nn
      .logSoftmax(network(w, images))
      .mul(probabilities)
      .sum()
      .mul(-1 / batch);
  const distance = ({ images, logits }, w, received) => {
    // jax-js's grad stops the derivative of arguments it does not differentiate, silently: they are closed over.
    const probabilities = nn.softmax(logits);
    const gradient = jax.grad((parameters) => loss(parameters, images, probabilities))(w);
    const squares = gradient.map((part, index) => np.square(part.sub(received[index])).sum());
    return squares.reduce((sum, square) => sum.add(square));
  };

  const received = jax.grad(loss)(tree.ref(weights), truth, target);
  const direct = jax.valueAndGrad(distance);
  const jitted = jax.jit(direct);
  const once = (evaluate) => evaluate(tree.ref(dummy), tree.ref(weights), tree.ref(received));
  const repeat = (evaluate) => async () => {
    for (let i = 0; i < steps; i++) {
      const result = once(evaluate);
      // An attack reads each evaluation before the next one.
      await jax.blockUntilReady(result);
      tree.dispose(result);
    }
  };

  const norm = (values) => Math.hypot(...values.dataSync());
  const [value, slope] = once(direct);
  return {
    run: { valueAndGrad: repeat(direct), "jit of valueAndGrad": repeat(jitted) },
    unit: steps,
    check: [value.item(), norm(slope.images), norm(slope.logits)],
    versions: { "jax-js": versionOf("@jax-js/jax") },
  };
});
