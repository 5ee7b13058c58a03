/** How long compiling takes: tracing, differentiating, simplifying, writing ONNX and loading it. Limits are seconds. */
export default {
  name: "compile-time",
  description: "compile: LeNet's gradient of a gradient; ResNet-20's training step",
  target: 2,
  aim: 1,
  peer: {},
  variants: [
    { name: "LeNet gradient matching", parameters: { network: "lenet" }, target: 0.3, aim: 0.15 },
    { name: "ResNet-20 training step", parameters: { network: "resnet20" }, target: 2, aim: 1 },
  ],

  async ours({ engine, op, threads, parameters: { network } }) {
    const compileOnce = { lenet: lenetMatching, resnet20: resnetStep }[network](engine, op, threads);
    const executable = await compileOnce();
    const nodes = Object.values(executable.summary().operations).reduce((total, count) => total + count, 0);
    await executable.dispose();
    return {
      run: async () => (await compileOnce()).dispose(),
      unit: 1,
      check: [nodes],
    };
  },
};

function lenetMatching({ compile, grad, spec, tree, valueAndGrad }, op, threads) {
  const dtype = "float64";
  const parameters = [[12, 3, 5, 5], [12], [12, 12, 5, 5], [12], [12, 12, 5, 5], [12], [100, 768], [100]].map(
    (shape) => spec(shape, dtype),
  );
  const network = ([w1, b1, w2, b2, w3, b3, w4, b4], x) => {
    const layer = (h, w, bias, stride) => op.sigmoid(op.conv(h, w, { stride, padding: 2, bias }));
    const h = layer(layer(layer(x, w1, b1, 2), w2, b2, 2), w3, b3, 1);
    return op.matmul(h.reshape([1, 768]), w4.transpose()).add(b4);
  };
  const loss = (w, x, logits) => op.softmaxCrossEntropy(network(w, x), op.softmax(logits));
  const distance = (dummy, w, received) =>
    tree
      .leaves(tree.map((g, r) => g.sub(r).square().sum(), grad(loss)(w, dummy.x, dummy.logits), received))
      .reduce((sum, term) => sum.add(term));
  const dummy = { x: spec([1, 3, 32, 32], dtype), logits: spec([1, 100], dtype) };
  return () => compile(valueAndGrad(distance), [dummy, parameters, parameters], { threads });
}

/** ResNet-20 for 32 x 32 images: three stages of three blocks with 16, 32 and 64 channels (He et al. 2016). */
function resnetStep({ compile, spec, tree, valueAndGrad }, op, threads) {
  const convolution = (inputs, outputs, size) => ({
    weight: spec([outputs, inputs, size, size]),
    scale: spec([outputs]),
    shift: spec([outputs]),
  });
  const widths = [16, 32, 64];
  const block = (inputs, outputs) => ({
    first: convolution(inputs, outputs, 3),
    second: convolution(outputs, outputs, 3),
    ...(inputs !== outputs && { shortcut: convolution(inputs, outputs, 1) }),
  });
  const parameters = {
    stem: convolution(3, 16, 3),
    stages: widths.map((width, stage) =>
      [0, 1, 2].map((i) => block(i === 0 ? (widths[stage - 1] ?? 16) : width, width)),
    ),
    weight: spec([64, 10]),
    bias: spec([10]),
  };
  const normalised = (x, { weight, scale, shift }, stride = 1) =>
    op.batchNorm(op.conv(x, weight, { stride, padding: (weight.shape[2] - 1) / 2 }), scale, shift).output;
  const apply = ({ stem, stages, weight, bias }, x) => {
    let h = op.relu(normalised(x, stem));
    for (const [stage, blocks] of stages.entries())
      for (const [i, { first, second, shortcut }] of blocks.entries()) {
        const stride = stage > 0 && i === 0 ? 2 : 1;
        const inner = normalised(op.relu(normalised(h, first, stride)), second);
        h = op.relu(inner.add(shortcut === undefined ? h : normalised(h, shortcut, stride)));
      }
    return op.matmul(h.mean({ axes: [2, 3] }), weight).add(bias);
  };
  const step = (w, x, y) => {
    const [loss, gradient] = valueAndGrad((v, images, labels) =>
      op.softmaxCrossEntropy(apply(v, images), labels),
    )(w, x, y);
    return [loss, tree.map((p, g) => p.sub(g.mul(0.1)), w, gradient)];
  };
  return () => compile(step, [parameters, spec([64, 3, 32, 32]), spec([64], "int64")], { threads });
}
