"""Two small trainings by PyTorch, recorded as `fallline` takes them over, one with the derivative of a validation loss by the
weight of each training row (automatic differentiation through the whole training).

Usage: python make_recorded_training.py FOLDER
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector

SEED, ROWS, FEATURES, CLASSES, BATCH, EPOCHS = 11, 24, 4, 3, 5, 4
MOMENTUM, DECAY = 0.9, 0.01


def rate(step):
    return 0.2 / (1 + 0.1 * step)


def network(dtype):
    torch.manual_seed(SEED)
    layers = [torch.nn.Linear(FEATURES, 5), torch.nn.Tanh(), torch.nn.Linear(5, CLASSES)]
    return torch.nn.Sequential(*layers).to(dtype)


def examples(rng, rows, centres):
    y = rng.integers(CLASSES, size=rows)
    return centres[y] + rng.standard_normal((rows, FEATURES)), y


def batches_of(rng):
    return [rows.tolist() for _ in range(EPOCHS) for rows in np.split(rng.permutation(ROWS), range(BATCH, ROWS, BATCH))]


def record(folder, model, optimizer, settings, x, y, batches):
    def flat():
        return parameters_to_vector(model.parameters()).detach().numpy().copy()

    states, rates = [flat()], []
    for step, rows in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.zero_grad()
        cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
        rates.append(rate(step))
        states.append(flat())
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "states.npy", np.stack(states))
    np.save(folder / "x.npy", x.numpy())
    np.save(folder / "y.npy", y.numpy())
    description = {
        "format": "fallline trajectory 1",
        "steps": len(batches),
        "stepsPerEpoch": len(batches) // EPOCHS,
        "optimizer": settings,
        "learningRates": rates,
        "batches": batches,
    }
    (folder / "training.json").write_text(json.dumps(description) + "\n")
    return states[-1]


def row_derivatives(x, y, batches, held_out):
    """The derivative of the held-out loss by each row's weight, and the parameters that the training ends at."""
    model = network(torch.float64)
    names = [name for name, _ in model.named_parameters()]
    values = [p.detach().clone().requires_grad_() for p in model.parameters()]
    velocity = [torch.zeros_like(p) for p in values]
    weights = torch.ones(ROWS, dtype=torch.float64, requires_grad=True)

    def losses(at, inputs, labels):
        output = torch.func.functional_call(model, dict(zip(names, at)), (inputs,))
        return cross_entropy(output, labels, reduction="none")

    for step, rows in enumerate(batches):
        loss = (weights[rows] * losses(values, x[rows], y[rows])).mean()
        gradient = torch.autograd.grad(loss, values, create_graph=True)
        velocity = [MOMENTUM * v + g + DECAY * p for v, g, p in zip(velocity, gradient, values)]
        values = [p - rate(step) * v for p, v in zip(values, velocity)]
    slopes = torch.autograd.grad(losses(values, *held_out).mean(), weights)[0]
    return slopes.numpy(), parameters_to_vector(values).detach().numpy()


def main():
    out = Path(sys.argv[1])
    rng = np.random.default_rng(SEED)
    centres = 1.5 * rng.standard_normal((CLASSES, FEATURES))
    (x, y), (x_held, y_held) = examples(rng, ROWS, centres), examples(rng, 8, centres)
    batches = batches_of(rng)
    labels = torch.from_numpy(y)

    model = network(torch.float32)
    settings = {"kind": "adamw", "beta2": 0.99, "weightDecay": 0.05}
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.99), weight_decay=0.05)
    record(out / "adamw-float32", model, optimizer, settings, torch.from_numpy(x).float(), labels, batches)

    model = network(torch.float64)
    settings = {"kind": "sgd", "momentum": MOMENTUM, "weightDecay": DECAY}
    optimizer = torch.optim.SGD(model.parameters(), lr=1, momentum=MOMENTUM, weight_decay=DECAY)
    folder = out / "momentum-float64"
    end = record(folder, model, optimizer, settings, torch.from_numpy(x), labels, batches)
    held_out = torch.from_numpy(x_held), torch.from_numpy(y_held)
    slopes, unrolled = row_derivatives(torch.from_numpy(x), labels, batches, held_out)
    assert np.abs(unrolled - end).max() < 1e-13
    for name, array in {"held-out-x": x_held, "held-out-y": y_held, "row-derivatives": slopes}.items():
        np.save(folder / f"{name}.npy", array)


main()
