"""Reference draws of numpy.random.default_rng for the random streams.

Usage: python make_random_vectors.py OUTPUT.json
Long draws are stored as the first half of a SHA-256 of their little-endian bytes beside their first values.
"""

import hashlib
import json
import sys

import numpy as np

SIZES = [1, 2, 7, 1000, 10_000]


def summary(values):
    array = np.ascontiguousarray(values)
    little = array.astype(array.dtype.newbyteorder("<"))
    return {
        "count": int(array.size),
        "first": array[:3].tolist(),
        "sha256": hashlib.sha256(little.tobytes()).hexdigest()[:32],
    }


def draws(rng):
    """One fixed sequence of calls on one generator, so that buffered half-words are exercised."""
    out = []
    for size in SIZES:
        out.append({"call": "uniform", "arguments": [size], **summary(rng.uniform(size=size))})
        out.append({"call": "uniform", "arguments": [size, -3.0, 0.5], **summary(rng.uniform(-3.0, 0.5, size))})
        for low, high in [(0, 1), (0, 10), (-5, 2), (0, 2**31), (-(2**31), 2**31), (3, 3_000_000_000 - 2**31)]:
            values = rng.integers(low, high, size).astype(np.int32)
            out.append({"call": "integers", "arguments": [size, low, high], **summary(values)})
        out.append({"call": "normal", "arguments": [size], **summary(rng.standard_normal(size))})
        out.append({"call": "normal", "arguments": [size, 1.5, 0.25], **summary(rng.normal(1.5, 0.25, size))})
        out.append({"call": "permutation", "arguments": [size], **summary(rng.permutation(size).astype(np.int32))})
    return out


def further_draws(seed):
    """Draws that go through pow, log or exp, which libraries round differently: compared to a tolerance."""
    rng = np.random.default_rng(seed)
    out = []

    def add(call, arguments, values):
        out.append({"call": call, "arguments": arguments, "values": values.tolist()})

    add("exponential", [40], rng.exponential(size=40))
    add("exponential", [40, 2.5], rng.exponential(2.5, 40))
    for shape, scale in [(0.0, 1.0), (0.05, 1.0), (0.6, 2.0), (1.0, 1.0), (1.5, 0.5), (40.0, 1.0)]:
        add("gamma", [30, shape, scale], rng.gamma(shape, scale, 30))
    for size, population in [(0, 5), (5, 5), (3, 1000), (20, 10_000), (30, 10_001), (300, 10_001), (15_000, 15_000)]:
        values = rng.choice(population, size, replace=False)
        add("choice", [size, population], values if size <= 300 else values[:50])
    weights = [0.1, 0.0, 0.25, 0.5, 0.15, 0.0]
    add("weightedChoice", [60, *weights], rng.choice(6, 60, p=weights))
    add("uniform", [3], rng.uniform(size=3))
    return {"seed": seed, "draws": out}


def tail_exponentials(seed, count):
    values = np.random.default_rng(seed).standard_exponential(count)
    positions = np.flatnonzero(values > 7.69711747013104972)
    return {"seed": seed, "count": count, "positions": positions.tolist(), "values": values[positions].tolist()}


def tail_normals(seed, count):
    """Draws beyond the last layer of the ziggurat, which go through log1p."""
    values = np.random.default_rng(seed).standard_normal(count)
    positions = np.flatnonzero(np.abs(values) > 3.6541528853610088)
    return {"seed": seed, "count": count, "positions": positions.tolist(), "values": values[positions].tolist()}


def main(path):
    seeds = [0, 1, 12345, 2**32, 2**64 + 3, 2**200 + 17]
    lists = [[1, 2], [0], [7, 0, 2**40, 5, 6, 9]]
    cases = []
    for seed in seeds + lists:
        text = [str(s) for s in (seed if isinstance(seed, list) else [seed])]
        cases.append({"seed": text, "path": [], "draws": draws(np.random.default_rng(seed))})
    for seed, children, grandchildren in [(0, 3, 2), (2**64 + 3, 2, 2)]:
        root = np.random.default_rng(seed)
        first = root.spawn(children)
        more = root.spawn(1)
        for index, child in enumerate(first + more):
            cases.append({"seed": [str(seed)], "path": [index], "draws": draws(child)})
        for index, child in enumerate(first[-1].spawn(grandchildren)):
            cases.append({"seed": [str(seed)], "path": [children - 1, index], "draws": draws(child)})
    states = []
    for seed, key in [(0, ()), (1, (0,)), (2**70, (3, 5)), ([1, 2, 3, 4, 5, 6], (2**33,))]:
        words = np.random.SeedSequence(seed, spawn_key=key).generate_state(8)
        text = [str(s) for s in (seed if isinstance(seed, list) else [seed])]
        states.append({"seed": text, "spawnKey": list(key), "words": words.tolist()})
    document = {
        "made": f"numpy {np.__version__}, bench/peers/make_random_vectors.py",
        "cases": cases,
        "seedWords": states,
        "tail": tail_normals(3, 400_000),
        "exponentialTail": tail_exponentials(4, 100_000),
        "further": further_draws(2026),
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
