"""Linear influence of every row of a recorded training (Hara et al. 2019) in PyTorch: double backward with a weight for each row's
loss, so that one product with the query gives the rows' slopes with the Hessian-vector product of a step. (`torch.func.jvp` of
`torch.func.grad` takes a hundred times as long.)"""

import torch
import torch.nn.functional as F

from cleansing_cases import Training, score_check
from protocol import arguments, serve

args = arguments(case="digits-perceptron", dtype="float32")
training = Training(args.case, args.dtype)
if training.penalty != 0 or training.classes == 1:
    raise ValueError("softmax and no penalty are expected")
x, y = torch.from_numpy(training.x[:, :-1].copy()), torch.from_numpy(training.y)
batches = [torch.from_numpy(batch) for batch in training.batches]


def tensors(flat):
    """Weight and bias of each layer, from flat parameters [..., P]."""
    return [
        torch.from_numpy(part.copy())
        for layer in training.layers(flat)
        for part in (layer[..., :-1], layer[..., -1])
    ]


trace, query = tensors(training.trace), tensors(training.query)
# The trajectory is held once.
del training.trace


def row_losses(parameters, inputs, labels):
    for layer in range(0, len(parameters) - 2, 2):
        inputs = torch.relu(F.linear(inputs, *parameters[layer : layer + 2]))
    return F.cross_entropy(F.linear(inputs, *parameters[-2:]), labels, reduction="none")


def double_backward():
    u = [part.clone() for part in query]
    scores = torch.zeros(training.rows, dtype=x.dtype)
    ones = torch.ones(max(map(len, batches)), dtype=x.dtype, requires_grad=True)
    for t in range(training.steps - 1, -1, -1):
        batch, rate = batches[t], training.rates[t]
        parameters = [part[t].requires_grad_() for part in trace]
        weights = ones[: len(batch)]
        loss = weights.dot(row_losses(parameters, x[batch], y[batch])) / len(batch)
        gradient = torch.autograd.grad(loss, parameters, create_graph=True)
        slopes, *products = torch.autograd.grad(gradient, [weights, *parameters], grad_outputs=u)
        scores.index_add_(0, batch, slopes, alpha=rate)
        torch._foreach_add_(u, products, alpha=-rate)
    return scores


def without_onednn():
    with torch.backends.mkldnn.flags(enabled=False):
        return double_backward()


scores = double_backward()
torch.testing.assert_close(without_onednn(), scores, rtol=1e-3, atol=1e-5)
serve(
    {"double backward": double_backward, "double backward without oneDNN": without_onednn},
    1,
    score_check(scores, args.dtype),
)
