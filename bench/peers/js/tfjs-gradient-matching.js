/**
 * One evaluation of the leakage attack's objective on LeNet (see ../gradient_matching.py), TensorFlow.js (wasm).
 *
 * TensorFlow.js cannot express it with its own operations:
 * - The gradient of conv2d with respect to the filter is the kernel Conv2DBackpropFilter, which the wasm backend lacks
 *   ("Kernel 'Conv2DBackpropFilter' not registered for backend 'wasm'") and which no backend differentiates again.
 *   Here convolutions are slices and a matrix product (im2col); stridedSlice, max and logSumExp have no second derivative
 *   ("gradient function not found"), gather none on wasm.
 * - Second derivatives of operations that save their output (sigmoid, tanh, exp, softmax, logSoftmax) leave out what
 *   passes through the saved output: an error where that is the only way, a wrong number without a word where it is not
 *   (with tf.logSoftmax the image gradient here has norm 24.5 instead of 32.4). So these have a gradient of their own here,
 *   computed from the input.
 */
import { labels, uniform } from "../../harness/data.js";
import { serve } from "../../harness/serve.js";
import { startTensorFlow } from "./tfjs.js";
import { versionOf } from "./versions.js";

const classes = 100;
const kernel = 5;
const shapes = [[12, 3, 5, 5], [12], [12, 12, 5, 5], [12], [12, 12, 5, 5], [12], [classes, 768], [classes]];

serve(async ({ batch = 1, steps = 5 }, threads) => {
  const tf = await startTensorFlow(threads);
  const array = (shape, seed, low, high) => {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    return tf.tensor(Float32Array.from(uniform(size, seed, low, high)), shape);
  };
  // The same numbers as the other peers', once brought into this layout: images N, H, W, C; kernels (H, W, C) x K.
  const asMatrix = (w) =>
    w.rank === 4
      ? w.transpose([2, 3, 1, 0]).reshape([-1, w.shape[0]])
      : w.rank === 2
        ? w.reshape([classes, 12, 8, 8]).transpose([2, 3, 1, 0]).reshape([768, classes])
        : w;
  const weights = shapes.map((shape, index) => asMatrix(array(shape, 10 + index, -0.5, 0.5)));
  const truth = array([batch, 3, 32, 32], 20, 0, 1).transpose([0, 2, 3, 1]);
  const target = tf.oneHot(tf.tensor(labels(batch, classes, 21), [batch], "int32"), classes).toFloat();
  const images = array([batch, 3, 32, 32], 22, -1.5, 1.5).transpose([0, 2, 3, 1]);
  const logits = array([batch, classes], 23, -1.5, 1.5);

  /** The patches under each place of a 5x5 kernel with padding 2: [N, H / stride, W / stride, 25 C]. */
  const patches = (a, stride) => {
    const [count, size, , channels] = a.shape;
    const out = size / stride;
    const half = (size + 4) / stride;
    // Rows and columns of one remainder modulo the stride become neighbours, so that plain slices suffice.
    const phases = tf
      .pad(a, [
        [0, 0],
        [2, 2],
        [2, 2],
        [0, 0],
      ])
      .reshape([count * half, stride, half, stride * channels]);
    const columns = [];
    for (let row = 0; row < kernel; row++) {
      const rows = phases
        .slice([0, row % stride, 0, 0], [-1, 1, -1, -1])
        .reshape([count, half, half, stride * channels])
        .slice([0, Math.floor(row / stride), 0, 0], [-1, out, -1, -1]);
      for (let column = 0; column < kernel; column++)
        columns.push(
          rows.slice(
            [0, 0, Math.floor(column / stride), (column % stride) * channels],
            [-1, -1, out, channels],
          ),
        );
    }
    return tf.concat(columns, 3);
  };
  /** An operation whose gradient is computed from its input (saved inputs are differentiated rightly). */
  const fromInput = (forward, backward) =>
    tf.customGrad((input, save) => {
      save([input]);
      return { value: forward(input), gradFunc: (dy, [x]) => backward(dy, x) };
    });
  const sigmoid = fromInput(tf.sigmoid, (dy, x) => {
    const y = sigmoid(x);
    return dy.mul(y).mul(tf.scalar(1).sub(y));
  });
  const softmax = fromInput(tf.softmax, (dy, x) => {
    const y = softmax(x);
    return y.mul(dy.sub(dy.mul(y).sum(-1, true)));
  });
  const logSoftmax = fromInput(tf.logSoftmax, (dy, x) => dy.sub(softmax(x).mul(dy.sum(-1, true))));
  const layer = (a, w, b, stride) => {
    const columns = patches(a, stride);
    const [count, height, width, depth] = columns.shape;
    const product = columns
      .reshape([count * height * width, depth])
      .matMul(w)
      .add(b);
    return sigmoid(product.reshape([count, height, width, 12]));
  };
  const network = ([w1, b1, w2, b2, w3, b3, w4, b4], x) => {
    const a = layer(layer(layer(x, w1, b1, 2), w2, b2, 2), w3, b3, 1);
    return a.reshape([batch, 768]).matMul(w4).add(b4);
  };
  const gradient = (x, probabilities) =>
    tf.grads((...w) =>
      logSoftmax(network(w, x))
        .mul(probabilities)
        .sum()
        .mul(-1 / batch),
    )(weights);
  const received = tf.tidy(() => gradient(truth, target));
  const distance = (x, l) => {
    const squares = gradient(x, l.softmax()).map((part, index) => part.sub(received[index]).square().sum());
    return squares.reduce((sum, square) => sum.add(square));
  };
  const evaluate = tf.valueAndGrads(distance);
  const once = () => {
    const { value, grads } = tf.tidy(() => evaluate([images, logits]));
    // An attack reads each evaluation before the next one; on wasm that costs a copy.
    const numbers = [value, ...grads].map((result) => result.dataSync());
    tf.dispose([value, ...grads]);
    return numbers;
  };

  const [[value], ...slopes] = once();
  return {
    run: () => {
      for (let i = 0; i < steps; i++) once();
    },
    unit: steps,
    check: [value, ...slopes.map((slope) => Math.hypot(...slope))],
    versions: { "TensorFlow.js": versionOf("@tensorflow/tfjs") },
  };
});
