"""Training steps of an MLP 784-128-10 (relu, softmax cross-entropy, SGD), PyTorch eager."""

import torch
import torch.nn.functional as F

from protocol import arguments, labels, serve, tensor, uniform

args = arguments(batch=64, steps=100)
x = tensor(uniform((args.steps, args.batch, 784), 1))
y = labels((args.steps, args.batch), 10, 2)
initial = [
    tensor(uniform((784, 128), 3, -0.05, 0.05)),
    torch.zeros(128),
    tensor(uniform((128, 10), 4, -0.1, 0.1)),
    torch.zeros(10),
]
weights = [w.clone().requires_grad_() for w in initial]
learning_rate = 0.1
batches = list(zip(x.unbind(), y.unbind()))
optimizer = torch.optim.SGD(weights, lr=learning_rate)


def restart():
    with torch.no_grad():
        for w, w0 in zip(weights, initial):
            w.copy_(w0)


def loss_of(images, targets):
    w1, b1, w2, b2 = weights
    return F.cross_entropy(torch.addmm(b2, torch.relu(torch.addmm(b1, images, w1)), w2), targets)


def with_optimizer():
    restart()
    losses = []
    for images, targets in batches:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(images, targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return losses


def with_in_place_updates():
    restart()
    losses = []
    for images, targets in batches:
        loss = loss_of(images, targets)
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for w, gradient in zip(weights, gradients):
                w.sub_(gradient, alpha=learning_rate)
        losses.append(loss.detach())
    return losses


losses = torch.stack(with_optimizer())
serve(
    {"torch.optim.SGD": with_optimizer, "in-place updates": with_in_place_updates},
    args.steps,
    [losses[0], losses.mean()],
)
