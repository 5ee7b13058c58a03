"""All trainings without one row each, in NumPy: the same start, batches and learning rates, divided by the size that a batch had
with the row; every step of all trainings at once."""

import numpy as np

from cleansing_cases import Training
from protocol import arguments, serve

args = arguments(case="adult-logistic", dtype="float64")
training = Training(args.case, args.dtype)
runs, penalty = training.rows, training.penalty
sizes, depth = training.sizes, len(training.sizes) - 1
if training.classes != 1:
    raise ValueError("one logit is expected")
steps = [
    (batch, np.arange(len(batch)), training.x[batch], training.y[batch].astype(args.dtype), rate)
    for batch, rate in zip(training.batches, training.rates)
]


def shrink(theta, batch, rate):
    """The penalty is a part of each row's loss: a training whose row is in the batch has the less of it."""
    keep = 1 - rate * penalty
    theta *= keep
    theta[batch] *= (1 - rate * penalty * (len(batch) - 1) / len(batch)) / keep


def logistic():
    """Parameters [runs, P]."""
    theta = np.tile(training.start, (runs, 1))
    change = np.empty_like(theta)
    delta = np.empty((runs, max(map(len, training.batches))))
    for batch, places, x, y, rate in steps:
        d = delta[:, : len(batch)]
        np.matmul(theta, x.T, out=d)
        np.negative(d, out=d)
        np.exp(d, out=d)
        d += 1
        np.reciprocal(d, out=d)
        d -= y
        # Training i is the one without row i.
        d[batch, places] = 0
        d *= rate / len(batch)
        np.matmul(d, x, out=change)
        shrink(theta, batch, rate)
        np.subtract(theta, change, out=theta)
    return theta


def logistic_across():
    """Parameters [P, runs], so that every product has long lines."""
    theta = np.repeat(training.start[:, None], runs, 1)
    change = np.empty_like(theta)
    delta = np.empty((max(map(len, training.batches)), runs))
    for batch, places, x, y, rate in steps:
        d = delta[: len(batch)]
        np.matmul(x, theta, out=d)
        np.negative(d, out=d)
        np.exp(d, out=d)
        d += 1
        np.reciprocal(d, out=d)
        d -= y[:, None]
        d[places, batch] = 0
        d *= rate / len(batch)
        np.matmul(x.T, d, out=change)
        keep = 1 - rate * penalty
        theta *= keep
        theta[:, batch] *= (1 - rate * penalty * (len(batch) - 1) / len(batch)) / keep
        np.subtract(theta, change, out=theta)
    return theta.T


def perceptron():
    """Each layer's matrices [runs, outputs, inputs + 1]; activations [runs, units, rows]."""
    theta = [np.tile(layer, (runs, 1, 1)) for layer in training.layers(training.start)]
    change = [np.empty_like(layer) for layer in theta]
    size = max(map(len, training.batches))
    activations = [None] + [np.ones((runs, width + 1, size)) for width in sizes[1:-1]]
    deltas = [None] + [np.empty((runs, width, size)) for width in sizes[1:]]
    first = theta[0].reshape(-1, sizes[0] + 1)
    for batch, places, x, y, rate in steps:
        b = len(batch)
        a = [None] + [layer[:, :, :b] for layer in activations[1:]]
        d = [None] + [layer[:, :, :b] for layer in deltas[1:]]
        np.matmul(first, x.T, out=d[1].reshape(-1, b))
        for layer in range(1, depth):
            np.maximum(d[layer], 0, out=a[layer][:, :-1])
            np.matmul(theta[layer], a[layer], out=d[layer + 1])
        output = d[depth][:, 0]
        np.negative(output, out=output)
        np.exp(output, out=output)
        output += 1
        np.reciprocal(output, out=output)
        output -= y
        output[batch, places] = 0
        output *= rate / b
        for layer in range(depth - 1, 0, -1):
            np.matmul(d[layer + 1], a[layer].transpose(0, 2, 1), out=change[layer])
            np.matmul(theta[layer][:, :, :-1].transpose(0, 2, 1), d[layer + 1], out=d[layer])
            d[layer] *= a[layer][:, :-1] > 0
        np.matmul(d[1].reshape(-1, b), x, out=change[0].reshape(first.shape))
        for layer in range(depth):
            shrink(theta[layer], batch, rate)
            np.subtract(theta[layer], change[layer], out=theta[layer])
    return np.concatenate([layer.reshape(runs, -1) for layer in theta], 1)


forms = {"runs first": logistic, "runs last": logistic_across} if depth == 1 else {"runs first": perceptron}
if any(len(batch) != len(training.batches[0]) for batch in training.batches):
    raise ValueError("batches of one size are expected")
ends = [work() for work in forms.values()]
for other in ends[1:]:
    np.testing.assert_allclose(other, ends[0], rtol=1e-9, atol=1e-12)
moved = np.linalg.norm(ends[0] - training.end, axis=1)
check = [np.linalg.norm(ends[0]), np.linalg.norm(moved), moved[0], moved[1], moved[-1]]
serve(forms, 1, check, versions={"numpy": np.__version__})
