"""Per-sample gradients of an MLP 784-128-10 (relu, softmax cross-entropy) by torch.func.vmap(grad)."""

import torch
import torch.nn.functional as F

from protocol import arguments, labels, serve, tensor, uniform

args = arguments(batch=256, steps=1)
x = tensor(uniform((args.batch, 784), 1))
y = labels((args.batch,), 10, 2)
weights = {
    "w1": tensor(uniform((784, 128), 3, -0.05, 0.05)),
    "b1": torch.zeros(128),
    "w2": tensor(uniform((128, 10), 4, -0.1, 0.1)),
    "b2": torch.zeros(10),
}


def loss_of(p, image, target):
    hidden = torch.relu(image @ p["w1"] + p["b1"])
    return F.cross_entropy(hidden @ p["w2"] + p["b2"], target)


per_sample = torch.func.vmap(torch.func.grad(loss_of), in_dims=(None, 0, 0))


def under_no_grad():
    for _ in range(args.steps):
        with torch.no_grad():
            gradients = per_sample(weights, x, y)
    return gradients


def in_chunks():
    """The same in chunks of 64 samples, each joined to the rest at the end."""
    with torch.no_grad():
        return torch.func.vmap(torch.func.grad(loss_of), in_dims=(None, 0, 0), chunk_size=64)(weights, x, y)


gradients = under_no_grad()
norms = torch.stack([g.flatten(1).square().sum(1) for g in gradients.values()]).sum(0).sqrt()
serve({"vmap(grad)": under_no_grad, "vmap(grad, chunk_size=64)": in_chunks}, args.steps, [norms.mean(), norms.max()])
