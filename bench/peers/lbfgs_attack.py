"""Deep leakage from gradients in PyTorch: the reference form for the benchmark of the attack.

The model is the LeNet of Zhu, Liu and Han (NeurIPS 2019): three 5x5 convolutions to 12 channels with stride 2, 2, 1
and padding 2, a sigmoid after each, and a linear layer. The attack is torch.optim.LBFGS with strong-Wolfe line search
on the image and the label's logits at once, tolerances 0, on the sum of squared gradient differences.

Usage:
  python lbfgs_attack.py CASES.npz [--dtype float32|float64] [--threads N] [--max-evaluations N]
                         [--target-mse X] [--cases I,J,...] [--closure-only N] [--device cpu|cuda]
  python lbfgs_attack.py --make CASES.npz --images IMAGES.npy --labels LABELS.npy --classes N [--seed N]

CASES.npz holds for each attack i = 0, 1, ... (float64, PyTorch's layouts):
  images [n, c, h, w] in [0, 1], labels [n],
  start_images [n, c, h, w], start_logits [n, classes],
  conv1_weight, conv1_bias, conv2_weight, conv2_bias, conv3_weight, conv3_bias, fc_weight, fc_bias, each [n, ...].
Attack i is a batch of one. One JSON line is printed per attack.
"""

import argparse
import json
import statistics
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

PARAMETERS = [
    f"{layer}_{kind}" for layer in ("conv1", "conv2", "conv3", "fc") for kind in ("weight", "bias")
]
STRIDES = [2, 2, 1]


def lenet(parameters, x):
    *convolutions, fc_weight, fc_bias = parameters
    for layer, stride in enumerate(STRIDES):
        weight, bias = convolutions[2 * layer : 2 * layer + 2]
        x = torch.sigmoid(F.conv2d(x, weight, bias, stride=stride, padding=2))
    return F.linear(x.flatten(1), fc_weight, fc_bias)


class Reached(Exception):
    """Ends an optimizer step from inside its closure."""


def attack_of(case, dtype, device, form="distance"):
    """The image, its label, the dummies, and a closure that evaluates the objective and its gradient: `distance` is the
    gradient of the distance, `product` the same by the chain rule, the product of d(gradients)/dx with twice the residual."""
    # A copy: without one the optimiser would move the case's own start, and a second attack would begin at the answer.
    tensor = lambda name: torch.tensor(case[name], dtype=dtype, device=device)
    parameters = [tensor(name).requires_grad_() for name in PARAMETERS]
    image = tensor("images").unsqueeze(0)
    label = torch.tensor([int(case["labels"])], device=device)
    loss = F.cross_entropy(lenet(parameters, image), label)
    received = [g.detach() for g in torch.autograd.grad(loss, parameters)]
    x = tensor("start_images").unsqueeze(0).requires_grad_()
    logits = tensor("start_logits").unsqueeze(0).requires_grad_()

    def objective():
        target = torch.softmax(logits, 1)
        dummy_loss = (-target * torch.log_softmax(lenet(parameters, x), 1)).sum(1).mean()
        gradients = torch.autograd.grad(dummy_loss, parameters, create_graph=True)
        if form == "distance":
            value = sum(((g - r) ** 2).sum() for g, r in zip(gradients, received))
            x.grad, logits.grad = torch.autograd.grad(value, (x, logits))
            return value
        with torch.no_grad():
            residuals = [g - r for g, r in zip(gradients, received)]
            value = sum((residual**2).sum() for residual in residuals)
            twice = [2 * residual for residual in residuals]
        x.grad, logits.grad = torch.autograd.grad(gradients, (x, logits), grad_outputs=twice)
        return value

    return image, label, x, logits, objective


def attack(case, arguments):
    dtype = getattr(torch, arguments.dtype)
    image, label, x, logits, objective = attack_of(case, dtype, arguments.device, arguments.form)
    objective()  # The first evaluation sets up the library's kernels and is not the attack's.
    optimizer = torch.optim.LBFGS(
        [x, logits],
        lr=1,
        history_size=100,
        max_iter=arguments.max_evaluations,
        max_eval=arguments.max_evaluations,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )
    evaluations = 0
    value = mse = float("nan")

    def closure():
        nonlocal evaluations, value, mse
        loss = objective()
        evaluations += 1
        value = loss.item()
        mse = ((x.detach() - image) ** 2).mean().item()
        if mse < arguments.target_mse or evaluations >= arguments.max_evaluations or not np.isfinite(value):
            raise Reached
        return loss

    start = time.perf_counter()
    try:
        optimizer.step(closure)
        stopped = "step too small"
    except Reached:
        stopped = "target" if mse < arguments.target_mse else "cap" if np.isfinite(value) else "not finite"
    seconds = time.perf_counter() - start
    return {
        "evaluations": evaluations,
        "seconds": seconds,
        "secondsPerEvaluation": seconds / evaluations,
        "stopped": stopped,
        "objective": value,
        "mse": mse,
        "label": int(label),
        "labelRecovered": bool(logits.argmax() == label),
    }


def closure_only(case, arguments):
    _, _, _, _, objective = attack_of(
        case, getattr(torch, arguments.dtype), arguments.device, arguments.form
    )
    wait = torch.cuda.synchronize if arguments.device == "cuda" else lambda: None
    for _ in range(max(10, arguments.closure_only // 5)):
        objective()
    times = []
    for _ in range(arguments.closure_only):
        wait()
        start = time.perf_counter()
        value = objective().item()
        wait()
        times.append(time.perf_counter() - start)
    return {
        "closures": len(times),
        "medianSeconds": statistics.median(times),
        "fastestSeconds": min(times),
        "objective": value,
    }


def make(arguments):
    """Cases with weights and biases U(-0.5, 0.5) and normal starts, from numpy.random.default_rng(seed)."""
    images = np.load(arguments.images).astype(np.float64)
    labels = np.load(arguments.labels).astype(np.int64)
    count, channels, height, width = images.shape
    features = 12 * -(-height // 4) * -(-width // 4)
    shapes = [(12, channels, 5, 5), (12,), (12, 12, 5, 5), (12,), (12, 12, 5, 5), (12,)]
    shapes += [(arguments.classes, features), (arguments.classes,)]
    rng = np.random.default_rng(arguments.seed)
    cases = {name: [] for name in [*PARAMETERS, "start_images", "start_logits"]}
    for _ in range(count):
        for name, shape in zip(PARAMETERS, shapes):
            cases[name].append(rng.uniform(-0.5, 0.5, shape))
        cases["start_images"].append(rng.standard_normal(images.shape[1:]))
        cases["start_logits"].append(rng.standard_normal(arguments.classes))
    np.savez(arguments.cases_file, images=images, labels=labels, **{k: np.stack(v) for k, v in cases.items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases_file", metavar="CASES.npz")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--max-evaluations", type=int, default=4000)
    parser.add_argument("--target-mse", type=float, default=1e-4)
    parser.add_argument("--cases", help="which attacks, by number; default all")
    parser.add_argument("--closure-only", type=int, metavar="N", help="only time N evaluations")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--form", choices=["distance", "product"], default="distance")
    parser.add_argument("--make", action="store_true", help="write CASES.npz instead")
    parser.add_argument("--images", metavar="IMAGES.npy")
    parser.add_argument("--labels", metavar="LABELS.npy")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.make:
        make(arguments)
        return
    torch.set_num_threads(arguments.threads)
    with np.load(arguments.cases_file) as file:
        arrays = {name: file[name] for name in file.files}
    count = len(arrays["images"])
    chosen = range(count) if arguments.cases is None else [int(i) for i in arguments.cases.split(",")]
    run = attack if arguments.closure_only is None else closure_only
    for index in chosen:
        result = run({name: array[index] for name, array in arrays.items()}, arguments)
        setting = {"dtype": arguments.dtype, "threads": arguments.threads, "device": arguments.device}
        print(json.dumps({"case": index, **setting, "torch": torch.__version__, **result}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
