"""Traces of torch.optim.LBFGS in float64, every evaluation recorded.

Usage: python make_lbfgs_vectors.py OUTPUT.json
"""

import json
import sys

import numpy as np
import torch

SEED = 7


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def problems():
    rng = np.random.default_rng(SEED)
    curvatures = np.logspace(0, 5, 12)
    target = rng.standard_normal(12)
    rows = rng.standard_normal((30, 6))
    labels = (rows @ rng.standard_normal(6) + 0.5 * rng.standard_normal(30) > 0).astype(float)
    h, c, a, y = (torch.from_numpy(v) for v in (curvatures, target, rows, labels))

    def quadratic(x):
        return 0.5 * (h * (x - c) ** 2).sum()

    def logistic(x):
        z = a @ x
        return (torch.nn.functional.softplus(z) - y * z).mean() + 0.005 * (x**2).sum()

    return {
        "rosenbrock2": (rosenbrock, [-1.2, 1.0], {}),
        "rosenbrock10": (rosenbrock, [-1.2, 1.0] * 5, {}),
        "quadratic": (quadratic, [0.0] * 12, {"curvatures": curvatures.tolist(), "target": target.tolist()}),
        "logistic": (logistic, [0.0] * 6, {"rows": rows.tolist(), "labels": labels.tolist()}),
    }


def trace(function, start, steps, options):
    x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([x], **options)
    evaluations = []

    def closure():
        optimizer.zero_grad()
        value = function(x)
        value.backward()
        evaluations.append({"x": x.detach().tolist(), "value": value.item()})
        return value

    counts = []
    for _ in range(steps):
        optimizer.step(closure)
        counts.append(len(evaluations))
    state = optimizer.state[x]
    return {
        "steps": steps,
        "options": options,
        "evaluations": evaluations,
        "evaluationsAfterStep": counts,
        "iterations": state["n_iter"],
        "x": x.detach().tolist(),
    }


RUNS = [
    (3, {"max_iter": 10, "line_search_fn": "strong_wolfe"}),
    (2, {"max_iter": 20, "line_search_fn": "strong_wolfe", "tolerance_grad": 0, "tolerance_change": 0}),
    (3, {"max_iter": 8, "lr": 0.3, "history_size": 3, "line_search_fn": "strong_wolfe"}),
    (4, {"max_iter": 5, "max_eval": 3, "line_search_fn": "strong_wolfe"}),
    (3, {"max_iter": 1, "line_search_fn": "strong_wolfe"}),
    (3, {"max_iter": 6, "lr": 0.5}),
    (2, {"max_iter": 10, "max_eval": 6, "history_size": 2, "lr": 0.2}),
]


def main(path):
    torch.set_num_threads(1)
    cases = []
    data = {}
    for name, (function, start, constants) in problems().items():
        data[name] = {"start": start, **constants}
        for steps, options in RUNS:
            cases.append({"problem": name, **trace(function, start, steps, options)})
    made = f"torch {torch.__version__.split('+')[0]}, numpy {np.__version__}, seed {SEED}, bench/peers/make_lbfgs_vectors.py"
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"made": made, "problems": data, "cases": cases}, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
