/** Gradients of each sample's loss by vmap of grad: 256 times the parameters of an MLP 784-128-10, 104 MB. */
export default {
  name: "per-sample-gradients",
  description: "per-sample gradients, MLP 784-128-10, batch 256",
  target: 1,
  aim: 0.6,
  peer: { PyTorch: "per_sample_gradients.py" },

  async ours({ engine, op, uniform, labels, threads, parameters: { batch = 256 } }) {
    const { compile, grad, ndarray, specs, tree, vmap } = engine;
    const x = ndarray(uniform(batch * 784, 1), [batch, 784], "float32");
    const y = ndarray(labels(batch, 10, 2), [batch], "int64");
    const weights = {
      w1: ndarray(uniform(784 * 128, 3, -0.05, 0.05), [784, 128], "float32"),
      b1: ndarray(new Float32Array(128)),
      w2: ndarray(uniform(128 * 10, 4, -0.1, 0.1), [128, 10], "float32"),
      b2: ndarray(new Float32Array(10)),
    };

    const loss = (w, image, target) => {
      const hidden = op.relu(op.matmul(image, w.w1).add(w.b1));
      return op.softmaxCrossEntropy(op.matmul(hidden, w.w2).add(w.b2), target);
    };
    const perSample = await compile(vmap(grad(loss), [null, 0, 0]), specs([weights, x, y]), { threads });

    const result = await perSample.run(weights, x, y);
    const gradients = tree.leaves(result);
    const norms = Array.from({ length: batch }, (_, sample) => {
      let sum = 0;
      for (const { data } of gradients) {
        const size = data.length / batch;
        for (let i = sample * size; i < (sample + 1) * size; i++) sum += data[i] ** 2;
      }
      return Math.sqrt(sum);
    });
    return {
      run: {
        "new arrays": () => perSample.run(weights, x, y),
        "into given arrays": () => perSample.runInto(result, weights, x, y),
      },
      unit: 1,
      check: [norms.reduce((sum, value) => sum + value, 0) / batch, Math.max(...norms)],
    };
  },
};
