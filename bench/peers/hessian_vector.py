"""Hessian-vector products of L2-regularised logistic regression, PyTorch eager: double backward, and torch.func's
forward over reverse. The parameters may differ from product to product, so that no graph is kept between them."""

import torch
import torch.nn.functional as F

from protocol import arguments, serve, tensor, uniform

args = arguments(dtype="float32", rows=1000, columns=123, steps=100)
dtype = getattr(torch, args.dtype)
x = tensor(uniform((args.rows, args.columns), 1, -1, 1), dtype)
y = tensor(uniform((args.rows,), 2) < 0.5, dtype)
w = tensor(uniform((args.columns,), 3, -0.5, 0.5), dtype)
v = tensor(uniform((args.columns,), 4, -1, 1), dtype)
w_leaf = w.clone().requires_grad_()


def loss_of(weights):
    return F.binary_cross_entropy_with_logits(x @ weights, y) + 0.5e-3 * weights.dot(weights)


def double_backward():
    (gradient,) = torch.autograd.grad(loss_of(w_leaf), w_leaf, create_graph=True)
    (product,) = torch.autograd.grad(gradient, w_leaf, grad_outputs=v)
    return product


gradient_of = torch.func.grad(loss_of)


def forward_over_reverse():
    return torch.func.jvp(gradient_of, (w,), (v,))[1]


def repeat(product):
    def work():
        for _ in range(args.steps):
            product()

    return work


product = double_backward()
torch.testing.assert_close(forward_over_reverse(), product)
serve(
    {"double backward": repeat(double_backward), "torch.func.jvp of grad": repeat(forward_over_reverse)},
    args.steps,
    [product.norm(), product.sum()],
)
