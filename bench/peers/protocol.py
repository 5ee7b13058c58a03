"""The peer's side of the harness: data made by formula, and the line protocol over standard input and output.

A peer prints one line `{"ready": {...}}` once it is warm, then answers each line `run N` with one line
`{"samples": [...]}`: N times, each in seconds for one unit of work. It ends at `stop` or at the end of its input.
"""

import argparse
import json
import sys
import time

import numpy as np
import torch


def arguments(**defaults):
    """The workload's parameters, given as `--name value`, typed as their defaults are."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parsed = parser.parse_args()
    torch.set_num_threads(parsed.threads)
    torch.set_num_interop_threads(1)
    return parsed


def uniform(shape, seed, low=0.0, high=1.0):
    """Uniform numbers that bench/harness/data.js makes too, bit for bit in float64: the hash (MurmurHash3's
    finalizer) of each element's index, so that both sides of a comparison work on the same data."""
    with np.errstate(over="ignore"):
        h = np.arange(int(np.prod(shape)), dtype=np.uint32) * np.uint32(0x9E3779B1)
        h += np.uint32((seed * 0x85EBCA77 + 1) & 0xFFFFFFFF)
        h ^= h >> np.uint32(16)
        h *= np.uint32(0x85EBCA6B)
        h ^= h >> np.uint32(13)
        h *= np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
    return (low + (high - low) * (h / 4294967296.0)).reshape(shape)


class Lcg:
    """The generator that `lcg` in bench/harness/data.js states, number for number."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self, shape, low=0.0, high=1.0):
        numbers = np.empty(int(np.prod(shape)))
        for i in range(len(numbers)):
            self.state = 48271 * self.state % 2147483647
            numbers[i] = self.state / 2147483647
        return (low + (high - low) * numbers).reshape(shape)

    def normal(self, shape):
        count = int(np.prod(shape))
        radii, angles = self.uniform((-(-count // 2), 2)).T
        radii = np.sqrt(-2 * np.log(radii))
        angles = 2 * np.pi * angles
        pairs = np.stack([radii * np.cos(angles), radii * np.sin(angles)], 1)
        return pairs.reshape(-1)[:count].reshape(shape)


def tensor(values, dtype=torch.float32):
    return torch.from_numpy(np.ascontiguousarray(values)).to(dtype)


def labels(shape, classes, seed):
    return torch.from_numpy(np.floor(uniform(shape, seed) * classes).astype(np.int64))


def fastest(forms, seconds):
    """The name of the form with the smallest median time; they take turns for about `seconds` each."""
    times = {name: [] for name in forms}
    for work in forms.values():
        work()
    end = time.perf_counter() + seconds * len(forms)
    while time.perf_counter() < end or len(next(iter(times.values()))) < 3:
        for name, work in forms.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return min(times, key=lambda name: float(np.median(times[name])))


def serve(forms, unit, check, selection_seconds=1.0, note=None, versions=None):
    """Answer the harness.

    forms: names to functions, each another way of writing the same `unit` units of work; the fastest on this
      machine is chosen first (which also warms it up), so that the peer is as good as eager PyTorch gets
    unit: a sample is the time of one call divided by this
    check: a few numbers of the result; the harness compares them with the other side's
    note: what the work came to, for the report
    versions: of other libraries that do the work
    """
    form = fastest(forms, selection_seconds) if len(forms) > 1 else next(iter(forms))
    work = forms[form]
    ready = {
        "versions": versions or {"torch": torch.__version__, "python": sys.version.split()[0]},
        "form": form,
        "check": [float(value) for value in check],
        "note": note,
    }
    print(json.dumps({"ready": ready}), flush=True)
    for line in sys.stdin:
        words = line.split()
        if not words or words[0] == "stop":
            break
        samples = []
        for _ in range(int(words[1])):
            start = time.perf_counter()
            work()
            samples.append((time.perf_counter() - start) / unit)
        print(json.dumps({"samples": samples}), flush=True)
