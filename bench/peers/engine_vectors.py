"""The machinery of make_engine_vectors.py: a case's random inputs, its derivatives by PyTorch, its JSON."""

import json
import zlib

import numpy as np
import torch

SEED = 20240


def normal(*shape, scale=1.0):
    """Standard normal numbers, to 3 decimals so that the file stays small and a reader can see them."""
    return lambda rng: np.round(rng.standard_normal(shape) * scale, 3)


def between(low, high, *shape):
    return lambda rng: np.round(rng.uniform(low, high, shape), 3)


def integers(high, *shape):
    return lambda rng: rng.integers(0, high, shape)


def shuffled(*shape):
    """Distinct numbers in random order, at least 0.25 apart: no ties and no near-ties."""
    count = int(np.prod(shape))
    return lambda rng: (rng.permutation(count).reshape(shape) - count / 2) * 0.25


def exactly(values, dtype=np.float64):
    return lambda rng: np.array(values, dtype=dtype)


def probabilities(*shape):
    def draw(rng):
        p = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
        return np.round(p, 6)

    return draw


def case(name, op, function, inputs, attributes=None, constant=()):
    """One case of the file.

    function: of the input tensors to a tensor or a tuple of tensors
    inputs: one drawing function for each
    constant: positions of float inputs that are not differentiated
    """
    # Each case has its own stream, so that adding one leaves the others as they are.
    rng = np.random.default_rng([SEED, zlib.crc32(name.encode())])
    arrays = [np.asarray(draw(rng)) for draw in inputs]
    variable = [a.dtype == np.float64 and i not in constant for i, a in enumerate(arrays)]
    tensors = [torch.tensor(a, requires_grad=v) for a, v in zip(arrays, variable)]
    outputs = function(*tensors)
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    weights = [draw_weights(rng, o) for o in outputs]
    vectors = [np.round(rng.standard_normal(a.shape), 2) if v else None for a, v in zip(arrays, variable)]
    gradients, products = derivatives(tensors, outputs, weights, vectors)
    return {
        "name": name,
        "op": op,
        "attributes": attributes or {},
        "inputs": [encode(t) for t in tensors],
        "weights": [None if w is None else flat(w) for w in weights],
        "outputs": [encode(o) for o in outputs],
        "gradients": [None if g is None else flat(g) for g in gradients],
        "hvp": {
            "vectors": [None if v is None else flat(v) for v in vectors],
            "products": [None if p is None else flat(p) for p in products],
        },
    }


def draw_weights(rng, output):
    return np.round(rng.standard_normal(output.shape), 2) if output.is_floating_point() else None


def derivatives(tensors, outputs, weights, vectors):
    """Gradients of L = sum of weights * outputs, and the products of L's Hessian with the vectors."""
    chosen = [i for i, t in enumerate(tensors) if t.requires_grad]
    variables = [tensors[i] for i in chosen]
    gradients, products = [None] * len(tensors), [None] * len(tensors)
    terms = [(torch.tensor(w) * o).sum() for w, o in zip(weights, outputs) if w is not None and o.requires_grad]
    if not variables or not terms:
        for i in chosen:
            gradients[i] = products[i] = torch.zeros_like(tensors[i])
        return gradients, products

    def differentiate(value, **options):
        found = torch.autograd.grad(value, variables, allow_unused=True, **options)
        return [torch.zeros_like(v) if g is None else g for v, g in zip(variables, found)]

    first = differentiate(sum(terms), create_graph=True)
    along = sum((g * torch.tensor(vectors[i])).sum() for g, i in zip(first, chosen))
    second = differentiate(along) if along.requires_grad else [torch.zeros_like(v) for v in variables]
    for i, g, p in zip(chosen, first, second):
        gradients[i], products[i] = g, p
    return gradients, products


def flat(values):
    array = values.detach().numpy(force=True) if isinstance(values, torch.Tensor) else np.asarray(values)
    if not np.all(np.isfinite(array)):
        raise ValueError("a vector file holds finite numbers only")
    if array.dtype == np.bool_:
        array = array.astype(np.int64)
    # A whole number needs no ".0" in JSON; -0.0 keeps its sign.
    return [int(x) if x == int(x) and str(x) != "-0.0" else x for x in array.reshape(-1).tolist()]


def encode(t):
    dtype = {torch.float64: "float64", torch.int64: "int64", torch.bool: "bool"}[t.dtype]
    return {"dtype": dtype, "shape": list(t.shape), "data": flat(t)}


def write(path, cases):
    """One case a line. Python prints the shortest decimal that gives the double back (at most 17 digits)."""
    names = [c["name"] for c in cases]
    if len(set(names)) != len(names):
        raise ValueError(f"a name is used twice in {path.name}")
    version = {"torch": torch.__version__, "numpy": np.__version__, "generator": "bench/peers/make_engine_vectors.py"}
    head = f'{{"version":{json.dumps(version)},"seed":{SEED},"cases":[\n'
    lines = [json.dumps(c, separators=(",", ":"), allow_nan=False) for c in cases]
    path.write_text(head + ",\n".join(lines) + "\n]}\n")
    return path.stat().st_size
