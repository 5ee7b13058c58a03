"""The trainings of the cleansing workloads in NumPy: what bench/cleansing/cases.js makes, by the same formulas.

A network is a list of layers, each one matrix [outputs, inputs + 1] whose last column is the bias, on activations whose last
column is 1. All parameters lie in one flat array, of which the matrices are views."""

import json
from pathlib import Path

import numpy as np

from protocol import uniform

CASES = json.loads((Path(__file__).parent.parent / "cleansing" / "cases.json").read_text())


class Training:
    """A recorded training: data, batches, learning rates, the parameters before every step and at the end, and the query, the
    gradient of the mean validation loss at the end."""

    def __init__(self, name, dtype):
        case = CASES[name]
        self.rows, self.classes, self.penalty = case["rows"], case["classes"], case["rowPenalty"]
        self.dtype = np.dtype(dtype)
        x, y = self._examples(case)
        # The column of ones is that of the biases.
        x = np.concatenate([x, np.ones((len(x), 1))], 1).astype(dtype)
        self.x, self.y = x[: self.rows], y[: self.rows]
        self.batches = [
            order[start : start + case["batchSize"]]
            for order in (np.argsort(uniform((self.rows,), 100 + epoch)) for epoch in range(case["epochs"]))
            for start in range(0, self.rows, case["batchSize"])
        ]
        self.steps = len(self.batches)
        falls = case["rateFalls"]
        self.rates = [case["learningRate"] / (np.sqrt(t + 1) if falls else 1) for t in range(self.steps)]
        self.sizes = [case["features"], *case["widths"], self.classes]
        self.start = self._initial()
        self.trace = np.empty((self.steps, len(self.start)), dtype)
        parameters = self.start.copy()
        for t, batch in enumerate(self.batches):
            self.trace[t] = parameters
            gradient = self.gradient(parameters, self.x[batch], self.y[batch]) + self.dtype.type(self.penalty) * parameters
            parameters -= self.dtype.type(self.rates[t]) * gradient
        self.end = parameters
        self.query = self.gradient(parameters, x[self.rows :], y[self.rows :])

    @staticmethod
    def _examples(case):
        count, classes = case["rows"] + case["validationRows"], max(2, case["classes"])
        pick = lambda seed: np.floor(classes * uniform((count,), seed)).astype(np.int64)
        true = pick(1)
        centres = uniform((classes, case["features"]), 2, -1, 1)
        x = uniform((count, case["features"]), 3, -1, 1) + case["separation"] * centres[true]
        return x, np.where(uniform((count,), 4) < 0.1, pick(5), true)

    def _initial(self):
        layers = []
        for layer, (inputs, outputs) in enumerate(zip(self.sizes, self.sizes[1:])):
            bound = 1 / np.sqrt(inputs)
            weight = uniform((outputs, inputs), 10 + 2 * layer, -bound, bound)
            bias = uniform((outputs, 1), 11 + 2 * layer, -bound, bound)
            layers.append(np.concatenate([weight, bias], 1).ravel())
        return np.concatenate(layers).astype(self.dtype)

    def layers(self, flat):
        """The layers' matrices, views of flat parameters [..., P]."""
        views, place = [], 0
        for inputs, outputs in zip(self.sizes, self.sizes[1:]):
            size = outputs * (inputs + 1)
            views.append(flat[..., place : place + size].reshape(*flat.shape[:-1], outputs, inputs + 1))
            place += size
        return views

    def output_slope(self, z, y):
        """The gradient of each row's loss by its output."""
        if self.classes == 1:
            return 1 / (1 + np.exp(-z)) - y[..., None].astype(z.dtype)
        e = np.exp(z - z.max(-1, keepdims=True))
        e /= e.sum(-1, keepdims=True)
        np.put_along_axis(e, y[..., None], np.take_along_axis(e, y[..., None], -1) - 1, -1)
        return e

    def gradient(self, parameters, x, y):
        """Of the mean loss, without the penalty."""
        matrices, activations, a = self.layers(parameters), [x], x
        for matrix in matrices[:-1]:
            hidden = np.maximum(a @ matrix.T, 0)
            a = np.concatenate([hidden, np.ones((len(x), 1), x.dtype)], 1)
            activations.append(a)
        delta = self.output_slope(a @ matrices[-1].T, y) / x.dtype.type(len(x))
        gradient = np.empty_like(parameters)
        views = self.layers(gradient)
        for layer in reversed(range(len(matrices))):
            np.matmul(delta.T, activations[layer], out=views[layer])
            if layer > 0:
                delta = (delta @ matrices[layer][:, :-1]) * (activations[layer][:, :-1] > 0)
        return gradient


def score_check(scores, dtype):
    """What `scoreCheck` of bench/cleansing/cases.js gives of the same scores."""
    scores = np.asarray(scores, np.float64)
    sums = [np.abs(part).sum() for part in (scores, scores[: len(scores) // 2], scores[scores < 0])]
    rows = [scores.argmin(), scores.argmax()]
    extremes = [*scores[rows], *(row + 1 for row in rows)]
    return [np.linalg.norm(scores), *sums, *(extremes if dtype == "float64" else [])]
