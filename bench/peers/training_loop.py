"""Epochs of an MLP 784-128-10 (relu, softmax cross-entropy, SGD), a plain PyTorch loop that gathers rows by indices."""

import numpy as np
import torch
import torch.nn.functional as F

from protocol import arguments, labels, serve, tensor, uniform

args = arguments(batch=64, steps=200)
rows = args.steps * args.batch
x = tensor(uniform((rows, 784), 1))
y = labels((rows,), 10, 2)
order = torch.from_numpy((np.arange(rows, dtype=np.int64) * 7919) % rows)
w1, w2 = tensor(uniform((784, 128), 3, -0.05, 0.05)), tensor(uniform((128, 10), 4, -0.1, 0.1))
model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
with torch.no_grad():
    model[0].weight.copy_(w1.T)
    model[2].weight.copy_(w2.T)
    model[0].bias.zero_()
    model[2].bias.zero_()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
weights = [w1.clone().requires_grad_(), torch.zeros(128, requires_grad=True)]
weights += [w2.clone().requires_grad_(), torch.zeros(10, requires_grad=True)]


def epoch():
    losses = torch.empty(args.steps)
    for step in range(args.steps):
        batch = order[step * args.batch : (step + 1) * args.batch]
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
        losses[step] = loss.detach()
    return losses[-1]


def epoch_in_place():
    losses = torch.empty(args.steps)
    for step in range(args.steps):
        batch = order[step * args.batch : (step + 1) * args.batch]
        a, b, c, d = weights
        hidden = torch.relu(torch.addmm(b, x.index_select(0, batch), a))
        loss = F.cross_entropy(torch.addmm(d, hidden, c), y.index_select(0, batch))
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients):
                weight.sub_(gradient, alpha=0.1)
        losses[step] = loss.detach()
    return losses[-1]


check = [epoch(), epoch()]
serve({"torch.optim.SGD": epoch, "in-place updates": epoch_in_place}, args.steps, check)
