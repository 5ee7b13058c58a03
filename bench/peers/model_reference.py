"""What PyTorch computes from the models of src/models, in float64: test/vectors/models/*.json.

Run:  python bench/peers/model_reference.py [output folder]
      python bench/peers/model_reference.py --check FOLDER    (reads the safetensors files that we wrote there)
Needs torch (2.14.1 was used), numpy (2.4.6) and safetensors (0.8.0).

Weights are not stored: both sides draw them, then the buffers, the masks of dropout, the examples and the labels, from
NumPy's default_rng(seed), in the order in which the module lists them. Each case has the outputs in inference and in
training, the buffers after one batch, the loss in training and, for each parameter, its name, its shape, the norm of its
gradient and the sum of gradient[i] * cos(i).
"""

import json
import pathlib
import sys

import numpy as np
import safetensors.torch
import torch

from models import MODELS, FixedDropout

EXAMPLES = 3

IMAGE = {"inputShape": [3, 32, 32], "classes": 4}
SMALL = {"inputShape": [2, 8, 8], "classes": 3}
BERT = {"vocabulary": 23, "tokens": 6, "hidden": 8, "heads": 2, "intermediate": 12, "positions": 9}
CASES = {
    "regressions": [
        ("logistic", {"inputShape": [3, 4], "classes": 5}),
        ("logistic", {"inputShape": [7], "classes": 1, "bias": False}),
    ],
    "perceptrons": [
        *(("mlp", {"inputShape": [6], "classes": 3, "widths": [5, 4], "activation": activation})
          for activation in ("tanh", "relu", "gelu", "softplus", "sigmoid")),
        ("mlp", {"inputShape": [2, 3], "classes": 3, "widths": []}),
    ],
    "lenets": [
        ("lenet", {}),
        ("lenet", {"variant": "idlg"}),
        ("lenet", {"variant": "soteria"}),
        ("lenet", {"channels": 2, "side": 12, "classes": 5, "activation": "tanh"}),
    ],
    "convolutional": [
        ("convSmall", {**IMAGE, "width": 2}),
        ("convSmall", {"inputShape": [1, 17, 14], "classes": 3, "width": 3, "activation": "gelu"}),
        ("vgg11", {**IMAGE, "width": 2}),
        ("vgg11", {"inputShape": [1, 64, 32], "classes": 3, "width": 1, "normalisation": "batch", "activation": "softplus"}),
        ("vgg11", {**IMAGE, "width": 2, "normalisation": "group", "hidden": 5}),
    ],
    "residual": [
        ("resnet", {"depth": 18, "inputShape": [3, 16, 16], "classes": 4, "width": 3}),
        ("resnet", {"depth": 18, "inputShape": [3, 66, 70], "classes": 4, "width": 2, "stem": "7x7", "activation": "softplus"}),
        ("resnet", {"depth": 18, **SMALL, "width": 2, "normalisation": "none", "activation": "sigmoid"}),
        ("resnet", {"depth": 20, **SMALL, "width": 4, "normalisation": "group", "activation": "gelu"}),
        ("resnet", {"depth": 20, **SMALL, "width": 2}),
        ("resnet", {"depth": 32, "inputShape": [1, 9, 9], "classes": 3, "width": 2, "activation": "sigmoid"}),
        ("resnet", {"depth": 20, **SMALL, "width": 3, "normalisation": "none", "activation": "tanh"}),
    ],
    "autoencoders": [
        ("autoencoder", {"inputShape": [2, 4], "widths": [6, 3], "activation": "tanh"}),
        ("autoencoder", {"inputShape": [1, 8, 12], "widths": [3, 4], "kind": "convolutional", "activation": "relu"}),
    ],
    "text": [
        ("textLinear", {"vocabulary": 11, "tokens": 5, "classes": 3, "width": 4}),
        ("textLinear", {"vocabulary": 4, "tokens": 5, "classes": 3, "width": 4, "padding": 0}),
        ("bert", BERT),
        ("bert", {**BERT, "vocabulary": 7, "tied": False, "padding": 0, "layers": 1}),
        ("bert", {**BERT, "norm": "pre", "dropout": 0.3}),
        ("bert", {**BERT, "head": "classifier", "classes": 3}),
    ],
}
# Small files that PyTorch wrote, which are read and written again byte for byte.
SAVED = {"mlp": ("perceptrons", 0), "resnet20": ("residual", 4), "bert": ("text", 2)}


def draw_weights(module, rng):
    for parameter in module.parameters():
        size = tuple(parameter.shape)
        values = rng.standard_normal(size)
        values = values / np.sqrt(np.prod(size[1:])) if len(size) > 1 else 0.5 + 0.2 * values
        parameter.data = torch.tensor(values)
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(torch.tensor(0.1 * rng.standard_normal(tuple(buffer.shape))))
        elif name.endswith("running_var"):
            buffer.copy_(torch.tensor(rng.uniform(0.5, 1.5, tuple(buffer.shape))))
        else:
            buffer.fill_(3)


def draw_masks(module, masks, rng):
    found = dict(module.named_modules())
    for path, shape, rate in masks:
        found[path].mask = torch.tensor((rng.uniform(size=shape) >= rate).astype(float))


def mask_shapes(name, module, options):
    if name == "vgg11" and "hidden" in options:
        return [(f"classifier.{i}", (EXAMPLES, options["hidden"]), 0.5) for i in (2, 5)]
    if name != "bert":
        return []
    shapes = []
    t, d = options["tokens"], options["hidden"]
    for path, each in module.named_modules():
        if isinstance(each, FixedDropout):
            shape = (options["heads"], t, t) if path.endswith("self.dropout") else (d,) if path == "dropout" else (t, d)
            shapes.append((path, (EXAMPLES, *shape), each.rate))
    return shapes


def draw_examples(name, options, output_shape, rng):
    if name in ("bert", "textLinear"):
        x = torch.tensor(rng.integers(0, options["vocabulary"], (EXAMPLES, options["tokens"])))
    else:
        channels = options.get("channels") or (1 if options.get("variant") == "idlg" else 3)
        side = options.get("side") or (28 if channels == 1 else 32)
        shape = options.get("inputShape") or [channels, side, side]
        x = torch.tensor(rng.standard_normal((EXAMPLES, *shape)))
    shape = output_shape(x)
    return x, torch.tensor(rng.integers(0, shape[-1], shape[:-1]))


def numbers(tensor):
    return tensor.detach().double().flatten().tolist()


def loss_of(name, output, labels):
    if name == "autoencoder" or output.shape[-1] == 1:
        return output.square().mean()
    return torch.nn.functional.cross_entropy(output.flatten(0, -2), labels.flatten())


def make(name, options, seed):
    module = MODELS[name](**options).double()
    rng = np.random.default_rng(seed)
    draw_weights(module, rng)
    draw_masks(module, mask_shapes(name, module, options), rng)
    return module, rng


def reference(name, options, seed):
    module, rng = make(name, options, seed)
    module.eval()
    x, labels = draw_examples(name, options, lambda x: tuple(module(x).shape), rng)
    inference = module(x)
    module.train()
    training = module(x)
    loss = loss_of(name, training, labels)
    loss.backward()
    gradients = [p.grad.flatten() for p in module.parameters()]
    return {
        "model": name,
        "options": options,
        "seed": seed,
        "outputShape": list(inference.shape),
        "inference": numbers(inference),
        "training": numbers(training),
        "loss": loss.item(),
        "parameters": [
            {
                "name": key,
                "shape": list(p.shape),
                "gradientNorm": g.norm().item(),
                "gradientSum": (g * torch.cos(torch.arange(len(g)).double())).sum().item(),
            }
            for (key, p), g in zip(module.named_parameters(), gradients)
        ],
        "buffers": [
            {"name": key, "shape": list(b.shape), "after": numbers(b)} for key, b in module.named_buffers()
        ],
    }


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    versions = {"torch": torch.__version__.split("+")[0], "numpy": np.__version__, "generator": "bench/peers/model_reference.py"}
    for family, cases in CASES.items():
        made = [reference(name, options, 100 + i) for i, (name, options) in enumerate(cases)]
        (folder / f"{family}.json").write_text(json.dumps({"version": versions, "cases": made}) + "\n")
    for file, (family, place) in SAVED.items():
        module, _ = make(*CASES[family][place], 100 + place)
        safetensors.torch.save_file(module.float().state_dict(), folder / f"{file}.safetensors", {"format": "pt"})


def check(folder):
    """Loads what we wrote into the modules, with the names and shapes exactly theirs, and compares the weights."""
    for file, (family, place) in SAVED.items():
        module, _ = make(*CASES[family][place], 100 + place)
        expected = {key: value.clone() for key, value in module.float().state_dict().items()}
        module.load_state_dict(safetensors.torch.load_file(folder / f"{file}.safetensors"), strict=True)
        same = all(torch.equal(value, expected[key]) for key, value in module.state_dict().items())
        print(f"{file}: {len(expected)} tensors, {'the same' if same else 'DIFFERENT'}")


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parents[2]
    if sys.argv[1:2] == ["--check"]:
        check(pathlib.Path(sys.argv[2]))
    else:
        main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "test/vectors/models")
