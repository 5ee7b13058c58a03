/** Training steps of an MLP 784-128-10 (relu, softmax cross-entropy, SGD); all steps are one call. */
export default {
  name: "mlp-step",
  description: "training step, MLP 784-128-10, batch 64, SGD, 100 steps inside one call",
  target: 0.85,
  aim: 0.7,
  peer: { PyTorch: "mlp_step.py", "jax-js": "js/jax-mlp-step.js", "TensorFlow.js": "js/tfjs-mlp-step.js" },

  async ours({ engine, op, uniform, labels, threads, parameters: { batch = 64, steps = 100 } }) {
    const { compile, ndarray, scan, specs, tree, valueAndGrad } = engine;
    const learningRate = 0.1;

    const x = ndarray(uniform(steps * batch * 784, 1), [steps, batch, 784], "float32");
    const y = ndarray(labels(steps * batch, 10, 2), [steps, batch], "int64");
    const initial = {
      w1: ndarray(uniform(784 * 128, 3, -0.05, 0.05), [784, 128], "float32"),
      b1: ndarray(new Float32Array(128)),
      w2: ndarray(uniform(128 * 10, 4, -0.1, 0.1), [128, 10], "float32"),
      b2: ndarray(new Float32Array(10)),
    };

    const loss = (w, images, targets) => {
      const hidden = op.relu(op.matmul(images, w.w1).add(w.b1));
      return op.softmaxCrossEntropy(op.matmul(hidden, w.w2).add(w.b2), targets);
    };
    const step = (w, [images, targets]) => {
      const [value, gradient] = valueAndGrad(loss)(w, images, targets);
      return [tree.map((weight, slope) => weight.sub(slope.mul(learningRate)), w, gradient), value];
    };
    const train = await compile(
      (w, images, targets) => scan(step, w, [images, targets]),
      specs([initial, x, y]),
      { threads },
    );

    const [, losses] = await train.run(initial, x, y);
    return {
      run: () => train.run(initial, x, y),
      unit: steps,
      check: [losses.data[0], losses.data.reduce((sum, value) => sum + value, 0) / steps],
    };
  },
};
