/**
 * One evaluation of the leakage attack's objective (Zhu, Liu, Han 2019): the squared distance between the gradient
 * of the dummy images and the received gradient, with its gradient with respect to the dummy images and label
 * logits; the released LeNet (three 5x5 convolutions, sigmoid, one linear layer, 100 classes).
 */
export default {
  name: "gradient-matching",
  description: "gradient-matching step of the leakage attack, LeNet (sigmoid), 3x32x32 images",
  target: 0.6,
  aim: 0.4,
  peer: {
    PyTorch: "gradient_matching.py",
    "jax-js": "js/jax-gradient-matching.js",
    "TensorFlow.js": "js/tfjs-gradient-matching.js",
  },
  variants: [
    { name: "float32 batch 1", parameters: { dtype: "float32", batch: 1 } },
    { name: "float32 batch 8", parameters: { dtype: "float32", batch: 8 }, target: 0.8, peers: ["PyTorch"] },
    { name: "float64 batch 1", parameters: { dtype: "float64", batch: 1 }, peers: ["PyTorch"] },
    { name: "float64 batch 8", parameters: { dtype: "float64", batch: 8 }, target: 0.8, peers: ["PyTorch"] },
  ],

  async ours({ engine, op, uniform, labels, threads, parameters: { dtype, batch, steps = 20 } }) {
    const { compile, grad, ndarray, specs, valueAndGrad } = engine;
    const classes = 100;
    const size = (shape) => shape.reduce((product, dimension) => product * dimension, 1);
    const array = (shape, seed, low, high) => ndarray(uniform(size(shape), seed, low, high), shape, dtype);

    const shapes = [
      [12, 3, 5, 5],
      [12],
      [12, 12, 5, 5],
      [12],
      [12, 12, 5, 5],
      [12],
      [classes, 768],
      [classes],
    ];
    const weights = shapes.map((shape, index) => array(shape, 10 + index, -0.5, 0.5));
    const truth = array([batch, 3, 32, 32], 20, 0, 1);
    const target = ndarray(labels(batch, classes, 21), [batch], "int64");
    const dummy = {
      images: array([batch, 3, 32, 32], 22, -1.5, 1.5),
      logits: array([batch, classes], 23, -1.5, 1.5),
    };

    const layer = (a, w, bias, stride) => op.sigmoid(op.conv(a, w, { stride, padding: 2, bias }));
    const network = ([w1, b1, w2, b2, w3, b3, w4, b4], images) => {
      const a = layer(layer(layer(images, w1, b1, 2), w2, b2, 2), w3, b3, 1);
      return op.matmul(a.reshape([batch, 768]), w4.transpose()).add(b4);
    };
    const loss = (w, images, targets) => op.softmaxCrossEntropy(network(w, images), targets);
    const distance = ({ images, logits }, w, received) => {
      const gradient = grad(loss)(w, images, op.softmax(logits));
      const squares = gradient.map((part, index) => part.sub(received[index]).square().sum());
      return squares.reduce((sum, square) => sum.add(square));
    };

    const clientGradient = await compile(grad(loss), specs([weights, truth, target]), { threads });
    const received = await clientGradient.run(weights, truth, target);
    const evaluate = await compile(valueAndGrad(distance), specs([dummy, weights, received]), { threads });

    const norm = (array) => Math.hypot(...array.data);
    const [value, slope] = await evaluate.run(dummy, weights, received);
    return {
      run: async () => {
        for (let i = 0; i < steps; i++) await evaluate.run(dummy, weights, received);
      },
      unit: steps,
      check: [value.data[0], norm(slope.images), norm(slope.logits)],
    };
  },
};
