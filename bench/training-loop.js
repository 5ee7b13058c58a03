/** The training loop as a user writes it: an epoch of an MLP 784-128-10 by SGD, rows gathered by shuffled indices. */
export default {
  name: "training-loop",
  description: "train(): an epoch of an MLP 784-128-10, batch 64, SGD, 12,800 rows gathered by indices",
  target: 0.85,
  aim: 0.7,
  peer: { PyTorch: "training_loop.py" },

  async ours({ engine, op, uniform, labels, threads, parameters: { batch = 64, steps = 200 } }) {
    const { ndarray } = engine;
    const trainingName = "fallline/training";
    const { givenBatches, train } = await import(trainingName);
    const rows = steps * batch;
    const x = ndarray(uniform(rows * 784, 1), [rows, 784], "float32");
    const y = ndarray(labels(rows, 10, 2), [rows], "int64");
    const parameters = {
      w1: ndarray(uniform(784 * 128, 3, -0.05, 0.05), [784, 128], "float32"),
      b1: ndarray(new Float32Array(128)),
      w2: ndarray(uniform(128 * 10, 4, -0.1, 0.1), [128, 10], "float32"),
      b2: ndarray(new Float32Array(10)),
    };
    // Both sides visit the rows in the same order, one that is a permutation: 7919 shares no factor with their number.
    const order = Int32Array.from({ length: rows }, (_, i) => (i * 7919) % rows);
    const batches = Array.from({ length: steps }, (_, t) => ({
      indices: order.subarray(t * batch, (t + 1) * batch),
    }));

    // A run trains until the bench stops it, an epoch at a time: compiling is no part of the loop.
    let resolveEpoch = (/** @type {number} */ _loss) => {};
    let next = () => {};
    const epochs = 1_000_000;
    const loop = train({
      loss: (w, { x: images, y: targets }) => {
        const hidden = op.relu(op.matmul(images, w.w1).add(w.b1));
        return op.softmaxCrossEntropy(op.matmul(hidden, w.w2).add(w.b2), targets, { reduction: "none" });
      },
      parameters,
      data: { x, y },
      schedule: 0.1,
      sampler: () => givenBatches(batches),
      batchSize: batch,
      epochs,
      compile: { threads },
      hooks: [
        {
          at: { every: steps },
          run: ({ step, loss }) => {
            if (step === 0) return;
            resolveEpoch(loss);
            return new Promise((resolve) => {
              next = resolve;
            });
          },
        },
      ],
    });
    loop.catch((error) => {
      console.error(error);
      process.exit(1);
    });
    const epoch = () =>
      new Promise((resolve) => {
        resolveEpoch = resolve;
        next();
      });
    const check = [await epoch(), await epoch()];
    return { run: epoch, unit: steps, check };
  },
};
