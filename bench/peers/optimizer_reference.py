"""Traces of PyTorch's optimisers, gradient clipping and learning-rate schedulers, in float64.

Usage: python optimizer_reference.py OUTPUT.json

Each optimiser takes 20 steps on mean(softplus(A w + b) - y (A w + b)) over four batches of 8 rows in turn, with the
learning rate 0.1 / (1 + step / 10); the trace holds the parameters after every step.
"""

import json
import sys

import numpy as np
import torch

SEED = 11
STEPS = 20
rng = np.random.default_rng(SEED)
rows = rng.standard_normal((32, 5))
labels = (rng.uniform(size=32) < 0.5).astype(float)
start = {"w": rng.standard_normal(5), "b": rng.standard_normal(1)}

optimizers = {
    "sgd": (torch.optim.SGD, {}),
    "sgd, weight decay": (torch.optim.SGD, {"weight_decay": 0.05}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "momentum, dampening, weight decay": (
        torch.optim.SGD,
        {"momentum": 0.8, "dampening": 0.3, "weight_decay": 0.02},
    ),
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "adam": (torch.optim.Adam, {}),
    "adam, all settings": (
        torch.optim.Adam,
        {"betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1},
    ),
    "adamw": (torch.optim.AdamW, {}),
    "adamw, all settings": (
        torch.optim.AdamW,
        {"betas": (0.7, 0.9), "eps": 1e-4, "weight_decay": 0.2},
    ),
}
clips = {
    "sgd, clipped by norm": ("sgd", {"globalNorm": 0.2}),
    "sgd, clipped by value": ("sgd", {"value": 0.05}),
    "adam, clipped by both": ("adam", {"globalNorm": 0.15, "value": 0.1}),
}


def trace(kind, options, clip):
    w, b = (torch.tensor(start[name], requires_grad=True) for name in ("w", "b"))
    a, y = torch.from_numpy(rows), torch.from_numpy(labels)
    optimizer = kind([w, b], lr=0.1, **options)
    parameters = []
    for step in range(STEPS):
        batch = slice(8 * (step % 4), 8 * (step % 4) + 8)
        for group in optimizer.param_groups:
            group["lr"] = 0.1 / (1 + step / 10)
        optimizer.zero_grad()
        z = a[batch] @ w + b
        (torch.nn.functional.softplus(z) - y[batch] * z).mean().backward()
        if "value" in clip:
            torch.nn.utils.clip_grad_value_([w, b], clip["value"])
        if "globalNorm" in clip:
            torch.nn.utils.clip_grad_norm_([w, b], clip["globalNorm"])
        optimizer.step()
        parameters.append([*w.tolist(), *b.tolist()])
    return parameters


def rates(make, steps=25):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler = make(optimizer)
    values = []
    for _ in range(steps):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return values


lr = torch.optim.lr_scheduler
schedules = {
    "step": lambda o: lr.StepLR(o, 7, gamma=0.5),
    "milestones": lambda o: lr.MultiStepLR(o, [3, 11], gamma=0.1),
    "cosine": lambda o: lr.CosineAnnealingLR(o, 24, eta_min=0.01),
    "warmup": lambda o: lr.SequentialLR(
        o, [lr.LinearLR(o, 0.25, total_iters=5), lr.StepLR(o, 4, gamma=0.5)], [5]
    ),
}

result = {
    "versions": {"torch": torch.__version__, "numpy": np.__version__},
    "seed": SEED,
    "rows": rows.tolist(),
    "labels": labels.tolist(),
    "start": {name: value.tolist() for name, value in start.items()},
    "optimizers": {
        **{name: trace(kind, options, {}) for name, (kind, options) in optimizers.items()},
        **{name: trace(*optimizers[base], clip) for name, (base, clip) in clips.items()},
    },
    "schedules": {name: rates(make) for name, make in schedules.items()},
}
with open(sys.argv[1], "w") as file:
    json.dump(result, file)
    file.write("\n")
