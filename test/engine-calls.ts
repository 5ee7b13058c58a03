import { grad, op, type Tensor, tree } from "../src/engine/index.ts";

/** How the operations of the vector files are called: the inputs and attributes of a case as arguments. */

type Attributes = Readonly<Record<string, unknown>>;
type Operation = (...args: readonly unknown[]) => Tensor | readonly Tensor[];
type Call = (inputs: readonly Tensor[], attributes: Attributes) => Tensor | readonly Tensor[];

const operations = op as unknown as Readonly<Record<string, Operation>>;

function call(name: string, ...args: readonly unknown[]): Tensor | readonly Tensor[] {
  const operation = operations[name];
  if (operation === undefined) throw new Error(`there is no operation ${name}`);
  return operation(...args);
}

/** Attributes that are positional arguments, in order; what is left of them is the options. */
function positional(name: string, ...keys: readonly string[]): Call {
  return (inputs, attributes) => {
    const rest = Object.fromEntries(Object.entries(attributes).filter(([key]) => !keys.includes(key)));
    return call(name, ...inputs, ...keys.map((key) => attributes[key]), ...options(rest));
  };
}

function options(attributes: Attributes): readonly Attributes[] {
  return Object.keys(attributes).length === 0 ? [] : [attributes];
}

function withBias(name: string): Call {
  return ([x, w, bias], attributes) => call(name, x, w, bias ? { ...attributes, bias } : attributes);
}

type Network = (images: Tensor, ...weights: readonly Tensor[]) => Tensor;

const given = (tensor: Tensor | undefined): Tensor => {
  if (tensor === undefined) throw new Error("a weight is missing");
  return tensor;
};

const dense: Network = (x, w1, b1, w2, b2) =>
  op.matmul(op.sigmoid(op.matmul(x, given(w1)).add(given(b1))), given(w2)).add(given(b2));

const lenet: Network = (images, ...weights) => {
  let y = images;
  for (const [layer, stride] of [2, 2, 1].entries()) {
    const bias = given(weights[2 * layer + 1]);
    y = op.sigmoid(op.conv(y, given(weights[2 * layer]), { stride, padding: 2, bias }));
  }
  return op.matmul(y.reshape([y.shape[0] ?? 1, -1]), op.transpose(given(weights[6]))).add(given(weights[7]));
};

/** The squared distance between the gradient of a guess and a received one (Zhu, Liu, Han 2019). */
const gradientMatching: Call = ([images, logits, ...rest]) => {
  const weights = rest.slice(0, rest.length / 2);
  const received = rest.slice(rest.length / 2);
  const network = weights.length === 4 ? dense : lenet;
  const loss = (w: readonly Tensor[]): Tensor =>
    op.softmaxCrossEntropy(network(given(images), ...w), op.softmax(given(logits)));
  const differences = tree.map(
    (a: Tensor, b: Tensor) => op.sum(op.square(a.sub(b))),
    grad(loss)(weights),
    received,
  ) as Tensor[];
  return differences.reduce((total, part) => total.add(part));
};

const special: Readonly<Record<string, Call>> = {
  pow: (inputs, { exponent }) => call("pow", ...inputs, ...(exponent === undefined ? [] : [exponent])),
  einsum: (inputs, { equation }) => call("einsum", equation, ...inputs),
  conv: withBias("conv"),
  convTranspose: withBias("convTranspose"),
  reshape: positional("reshape", "shape"),
  transpose: positional("transpose", "permutation"),
  slice: (inputs, { ranges }) => call("slice", ...inputs, ...(ranges as readonly unknown[])),
  at: positional("at", "index"),
  pad: positional("pad", "widths"),
  concat: (inputs, { axis }) => call("concat", inputs, axis),
  stack: (inputs, { axis }) => call("stack", inputs, axis),
  split: positional("split", "sizes", "axis"),
  flip: positional("flip", "axes"),
  tile: positional("tile", "repeats"),
  expand: positional("expand", "shape"),
  take: positional("take", "axis"),
  takeAlongAxis: positional("takeAlongAxis", "axis"),
  scatterAdd: positional("scatterAdd", "axis"),
  oneHot: (inputs, { classes }) => call("oneHot", ...inputs, classes, "float64"),
  topK: positional("topK", "k"),
  batchNorm: ([x, scale, shift, mean, variance], { epsilon, training }) => {
    const statistics = { mean: mean as Tensor, variance: variance as Tensor };
    const found = op.batchNorm(given(x), given(scale), given(shift), {
      epsilon: epsilon as number,
      ...(training ? {} : { statistics }),
    });
    return training ? [found.output, found.mean, found.variance] : found.output;
  },
  mlp: ([x, y, w1, b1, w2, b2]) =>
    op.softmaxCrossEntropy(
      op.matmul(op.tanh(op.matmul(given(x), given(w1)).add(given(b1))), given(w2)).add(given(b2)),
      given(y),
    ),
  gradientMatching,
};

/** The outputs of a case's operation on its inputs. */
export function callOperation(name: string, inputs: readonly Tensor[], attributes: Attributes): Tensor[] {
  const found = special[name]?.(inputs, attributes) ?? call(name, ...inputs, ...options(attributes));
  return Array.isArray(found) ? [...found] : [found as Tensor];
}
