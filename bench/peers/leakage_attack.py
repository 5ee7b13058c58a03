"""Whole attacks of deep leakage from gradients in PyTorch (lbfgs_attack.py) until the image's mean squared error is below 1e-4,
on the cases of leakage_cases.py."""

import argparse
import time

import torch

from lbfgs_attack import attack, attack_of
from leakage_cases import attack_case
from protocol import arguments, serve

args = arguments(dtype="float64", channels=1, seeds="1", evaluations=5000)
seeds = [int(seed) for seed in str(args.seeds).split("+")]
cases = [attack_case(args.channels, seed) for seed in seeds]
# oneDNN has no float64.
backends = [True, False] if args.dtype == "float32" else [True]


def seconds_of(form, onednn):
    """The time of a few evaluations: whole attacks would take minutes to choose by."""
    torch.backends.mkldnn.set_flags(onednn)
    objective = attack_of(cases[0], getattr(torch, args.dtype), "cpu", form)[-1]
    for _ in range(20):
        objective()
    start = time.perf_counter()
    for _ in range(200):
        objective()
    return time.perf_counter() - start


form, onednn = min(
    ((form, onednn) for form in ("distance", "product") for onednn in backends),
    key=lambda choice: seconds_of(*choice),
)
torch.backends.mkldnn.set_flags(onednn)
settings = argparse.Namespace(
    dtype=args.dtype, device="cpu", form=form, max_evaluations=args.evaluations, target_mse=1e-4
)


def attacks():
    """The evaluations of each attack."""
    results = [attack(case, settings) for case in cases]
    for seed, result in zip(seeds, results):
        if result["stopped"] != "target":
            raise RuntimeError(f"seed {seed}: not recovered, {result}")
    return [result["evaluations"] for result in results]


def same_attacks():
    """The work that is timed: an attack that takes another way than the first has not begun at the same start."""
    if (taken := attacks()) != evaluations:
        raise RuntimeError(f"{taken} evaluations, the first time {evaluations}")


_, _, x, logits, objective = attack_of(cases[0], getattr(torch, args.dtype), "cpu", form)
value = objective().item()
evaluations = attacks()
name = {"distance": "gradient of the distance", "product": "product with the residual"}[form]
serve(
    {name if len(backends) == 1 else f"{name}, {'oneDNN' if onednn else 'without oneDNN'}": same_attacks},
    len(cases),
    [value, x.grad.norm(), logits.grad.norm()],
    note=f"{' + '.join(map(str, evaluations))} evaluations",
)
