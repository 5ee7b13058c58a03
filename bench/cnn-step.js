/**
 * Training steps of a convolutional network on 3x32x32 (3x3 convolutions to 32 and 64 channels, relu, max pooling 2,
 * one linear layer 4096-10, softmax cross-entropy, SGD); all steps are one call.
 */
export default {
  name: "cnn-step",
  description: "training step, CNN 32-64 channels 3x3 on 3x32x32, batch 64, SGD, 5 steps inside one call",
  target: 2,
  aim: 1.2,
  peer: { PyTorch: "cnn_step.py" },

  async ours({ engine, op, uniform, labels, threads, parameters: { batch = 64, steps = 5 } }) {
    const { compile, ndarray, scan, specs, tree, valueAndGrad } = engine;
    const learningRate = 0.01;

    const x = ndarray(uniform(steps * batch * 3072, 1, -1, 1), [steps, batch, 3, 32, 32], "float32");
    const y = ndarray(labels(steps * batch, 10, 2), [steps, batch], "int64");
    const initial = {
      w1: ndarray(uniform(32 * 27, 3, -0.3, 0.3), [32, 3, 3, 3], "float32"),
      b1: ndarray(new Float32Array(32)),
      w2: ndarray(uniform(64 * 288, 4, -0.1, 0.1), [64, 32, 3, 3], "float32"),
      b2: ndarray(new Float32Array(64)),
      w3: ndarray(uniform(4096 * 10, 5, -0.03, 0.03), [4096, 10], "float32"),
      b3: ndarray(new Float32Array(10)),
    };

    const block = (a, w, bias) =>
      op.maxPool(op.relu(op.conv(a, w, { padding: 1, bias })), { kernel: 2, stride: 2 });
    const loss = (w, images, targets) => {
      const a = block(block(images, w.w1, w.b1), w.w2, w.b2);
      return op.softmaxCrossEntropy(op.matmul(a.reshape([batch, 4096]), w.w3).add(w.b3), targets);
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
    return { run: () => train.run(initial, x, y), unit: steps, check: [losses.data[0], losses.data.at(-1)] };
  },
};
