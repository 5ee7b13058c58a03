/**
 * A training step (forward, backward, SGD with momentum) of the library's models, as `train` takes it: several steps in
 * one call, from one set of arrays into another.
 */
const variants = {
  logistic: { batch: 64, steps: 200 },
  mlp: { batch: 64, steps: 50 },
  lenet: { batch: 64, steps: 10 },
  cnn: { batch: 64, steps: 1 },
  vgg11: { batch: 8, steps: 2 },
  resnet18: { batch: 8, steps: 1 },
  resnet20: { batch: 64, steps: 1 },
  autoencoder: { batch: 64, steps: 50 },
  "bert-tiny": { batch: 8, steps: 2 },
  "text-linear": { batch: 64, steps: 10 },
};

const image = { inputShape: [3, 32, 32], classes: 10 };
const digit = { inputShape: [784], classes: 10 };

/** What `modelNamed` is asked for; `models` in peers/model_steps.py is the same. */
const options = {
  logistic: digit,
  mlp: { ...digit, widths: [256, 128] },
  lenet: image,
  cnn: image,
  vgg11: image,
  resnet18: image,
  resnet20: image,
  autoencoder: { inputShape: [784] },
  "bert-tiny": { inputShape: [32], vocabulary: 30522 },
  "text-linear": { inputShape: [128], vocabulary: 10000, classes: 4 },
};

export default {
  name: "model-steps",
  description: "training step (SGD with momentum) of each model of the library",
  target: 1.2,
  aim: 1,
  peer: { PyTorch: "model_steps.py" },
  variants: Object.entries(variants).map(([model, sizes]) => ({
    name: `${model}, batch ${sizes.batch}`,
    parameters: { model, ...sizes },
  })),

  async ours({ engine, op, uniform, labels, threads, parameters: { model: name, batch, steps } }) {
    const { compile, ndarray, scan, specs, tree, valueAndGrad } = engine;
    const [modelsName, trainingName] = ["fallline/models", "fallline/training"];
    const { modelNamed } = await import(modelsName);
    const { sgd } = await import(trainingName);

    const { vocabulary, ...shape } = options[name];
    const model = modelNamed(name, options[name]);
    const isText = vocabulary !== undefined;
    const perToken = name === "bert-tiny";
    const size = (dimensions) => dimensions.reduce((product, dimension) => product * dimension, 1);
    const inputs = steps * batch * size(shape.inputShape);
    const x = isText
      ? ndarray(labels(inputs, vocabulary, 1), [steps, batch, ...shape.inputShape], "int64")
      : ndarray(uniform(inputs, 1), [steps, batch, ...shape.inputShape], "float32");
    const targets = [steps, batch, ...(perToken ? shape.inputShape : [])];
    const y = ndarray(
      labels(size(targets), perToken ? vocabulary : (shape.classes ?? 1), 2),
      targets,
      "int64",
    );

    // Matrices and kernels of the scale of PyTorch's initialisation; scales of normalisations 1, shifts and biases 0.
    const initial = (paths, wanted) => {
      const seeds = new Map([...paths].sort().map((path, index) => [path, index + 10]));
      return wanted.map(({ shape: dimensions, dtype }, i) => {
        const bound = 1 / Math.sqrt(size(dimensions.slice(1)));
        const values =
          dimensions.length > 1
            ? uniform(size(dimensions), seeds.get(paths[i]), -bound, bound)
            : new Float64Array(size(dimensions)).fill(paths[i].endsWith("weight") ? 1 : 0);
        return ndarray(values, dimensions, dtype);
      });
    };
    const wanted = model.parameters("float32");
    const parameters = tree.unflatten(wanted, initial(tree.paths(wanted), tree.leaves(wanted)));
    const zeros = tree.map((p) => ndarray(new Float32Array(size(p.shape)), p.shape), parameters);
    const buffers = model.initialBuffers?.("float32") ?? {};
    const carry = { parameters, state: { velocity: zeros }, buffers };

    const optimizer = sgd({ momentum: 0.9 });
    const lossOf = (w, before, images, classes) => {
      const applied = model.applyTraining?.(w, before, images) ?? {
        output: model.apply(w, images, { training: true }),
        buffers: before,
      };
      const loss =
        name === "autoencoder"
          ? op.meanSquaredError(applied.output, images)
          : op.softmaxCrossEntropy(applied.output, classes);
      return [loss, applied.buffers];
    };
    const step = ({ parameters: w, state, buffers: before }, [images, classes]) => {
      const [[loss, after], gradient] = valueAndGrad(lossOf, { hasAux: true })(w, before, images, classes);
      const [change, next] = optimizer.update(gradient, state, w, op.constant(0.001, "float64"));
      return [{ parameters: tree.map((p, d) => p.add(d), w, change), state: next, buffers: after }, loss];
    };
    const train = await compile(
      (start, images, classes) => scan(step, start, [images, classes]),
      specs([carry, x, y]),
      { threads },
    );

    let [from, losses] = await train.run(carry, x, y);
    let [into] = await train.run(carry, x, y);
    const check = [losses.data[0], losses.data.at(-1)];
    return {
      run: async () => {
        await train.runInto([into, losses], from, x, y);
        [from, into] = [into, from];
      },
      unit: steps,
      check,
    };
  },
};
