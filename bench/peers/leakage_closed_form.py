"""The closed form of the leakage method with scipy's LSMR: for each convolution from the last to the first, the sparse matrix of
the equations [W a = z; corr(a, delta) = g_W] in its input a, both blocks divided by the root mean square of their rows' norms,
with and without columns of norm 1."""

import numpy as np
import scipy
import torch
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import lsmr
from scipy.special import logit

from lbfgs_attack import PARAMETERS, STRIDES, lenet
from leakage_cases import attack_case
from protocol import arguments, serve

args = arguments(dtype="float64", channels=1, seeds="1")


class Layer:
    """Which entries of weight, output and input meet, in every product of a convolution with a kernel of 5 and padding 2."""

    def __init__(self, channels, side, stride):
        outputs, kernel = 12, 5
        self.stride, self.side = stride, -(-side // stride)
        o, y, x, c, ky, kx = np.indices((outputs, self.side, self.side, channels, kernel, kernel), sparse=True)
        row, column = y * stride + ky - 2, x * stride + kx - 2
        o, y, x, c, ky, kx, row, column = (
            part.ravel() for part in np.broadcast_arrays(o, y, x, c, ky, kx, row, column)
        )
        inside = (row >= 0) & (row < side) & (column >= 0) & (column < side)
        self.output = ((o * self.side + y) * self.side + x)[inside]
        self.weight = (((o * channels + c) * kernel + ky) * kernel + kx)[inside]
        self.input = ((c * side + row) * side + column)[inside]
        self.sizes = outputs * self.side**2, outputs * channels * kernel**2, channels * side**2

    def matrices(self, weight, delta):
        """The matrices of a -> W a and of a -> corr(a, delta)."""
        outputs, weights, inputs = self.sizes
        return (
            coo_array((weight[self.weight], (self.output, self.input)), shape=(outputs, inputs)).tocsr(),
            coo_array((delta[self.output], (self.weight, self.input)), shape=(weights, inputs)).tocsr(),
        )


def layers_of(channels):
    side, layers = 28 if channels == 1 else 32, []
    for stride in STRIDES:
        layers.append(Layer(channels, side, stride))
        channels, side = 12, layers[-1].side
    return layers


def least_squares(blocks, rights, scaled_columns):
    norms = [np.sqrt((block.data**2).sum() / block.shape[0]) or 1.0 for block in blocks]
    matrix = scipy.sparse.vstack([block / norm for block, norm in zip(blocks, norms)]).tocsr()
    right = np.concatenate([part / norm for part, norm in zip(rights, norms)])
    columns = np.ones(matrix.shape[1])
    if scaled_columns:
        squares = np.bincount(matrix.indices, matrix.data**2, matrix.shape[1])
        columns = 1 / np.sqrt(np.where(squares > 0, squares, 1))
        matrix = (matrix @ diags_array(columns)).tocsr()
    solution, _, iterations, *_ = lsmr(matrix, right, atol=1e-13, btol=1e-13, conlim=1e12, maxiter=10_000)
    return solution * columns, iterations


def closed_form(layers, parameters, gradient, scaled_columns):
    weight, bias = gradient["fc_weight"], gradient["fc_bias"]
    a = bias @ weight / (bias @ bias)
    label = int(bias.argmin())
    slope = parameters["fc_weight"].T @ bias
    iterations = []
    for number in (3, 2, 1):
        layer, name = layers[number - 1], f"conv{number}"
        kernel = parameters[f"{name}_weight"].ravel()
        a = np.clip(a, 1e-9, 1 - 1e-9)
        delta = slope * a * (1 - a)
        z = logit(a) - np.repeat(parameters[f"{name}_bias"], layer.side**2)
        forward, correlation = layer.matrices(kernel, delta)
        a, taken = least_squares(
            (forward, correlation), (z, gradient[f"{name}_weight"].ravel()), scaled_columns
        )
        slope = forward.T @ delta
        iterations.append(taken)
    return a, label, iterations


# Which entries meet does not depend on the gradient; it is made once, outside the timed work.
layers = layers_of(args.channels)
clients = []
for seed in str(args.seeds).split("+"):
    case = attack_case(args.channels, int(seed))
    tensors = [torch.from_numpy(case[name]).requires_grad_() for name in PARAMETERS]
    loss = torch.nn.functional.cross_entropy(
        lenet(tensors, torch.from_numpy(case["images"]).unsqueeze(0)), torch.tensor([case["labels"]])
    )
    gradient = dict(zip(PARAMETERS, (g.numpy() for g in torch.autograd.grad(loss, tensors))))
    clients.append((seed, case, gradient))


def recover(scaled_columns):
    found = []
    for seed, case, gradient in clients:
        image, label, iterations = closed_form(layers, case, gradient, scaled_columns)
        mse = float(np.mean((image - case["images"].ravel()) ** 2))
        if not mse < 1e-15 or label != case["labels"]:
            raise RuntimeError(f"seed {seed}: mean squared error {mse}")
        found.append((image, mse, iterations))
    return found


found = recover(True)
serve(
    {"columns of norm 1": lambda: recover(True), "columns as they are": lambda: recover(False)},
    len(clients),
    [np.linalg.norm(image) for image, _, _ in found],
    note="with columns of norm 1 "
    + "; ".join(f"{', '.join(map(str, iterations))} iterations to {mse:.1e}" for _, mse, iterations in found),
    versions={"scipy": scipy.__version__, "numpy": np.__version__},
)
