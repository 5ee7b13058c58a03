"""Training steps (forward, backward, SGD with momentum) of the models of models.py, PyTorch eager."""

import math

import torch
import torch.nn.functional as F

from models import MODELS
from protocol import arguments, labels, serve, tensor, uniform

args = arguments(model="mlp", batch=64, steps=1)
IMAGE = {"inputShape": [3, 32, 32], "classes": 10}
DIGIT = {"inputShape": [784], "classes": 10}
# Name in models.py, its arguments, the shape of an example. `options` in bench/model-steps.js is the same.
kind, options, example = {
    "logistic": ("logistic", DIGIT, [784]),
    "mlp": ("mlp", {**DIGIT, "widths": [256, 128]}, [784]),
    "lenet": ("lenet", {"classes": 10}, [3, 32, 32]),
    "cnn": ("convSmall", IMAGE, [3, 32, 32]),
    "vgg11": ("vgg11", IMAGE, [3, 32, 32]),
    "resnet18": ("resnet", {**IMAGE, "depth": 18}, [3, 32, 32]),
    "resnet20": ("resnet", {**IMAGE, "depth": 20}, [3, 32, 32]),
    "autoencoder": ("autoencoder", {"inputShape": [784]}, [784]),
    "bert-tiny": ("bert", {"tokens": 32}, [32]),
    "text-linear": ("textLinear", {"vocabulary": 10000, "tokens": 128, "classes": 4}, [128]),
}[args.model]
vocabulary = {"bert": 30522, "textLinear": 10000}.get(kind)
per_token = kind == "bert"

shape = (args.steps, args.batch, *example)
x = tensor(uniform(shape, 1)) if vocabulary is None else labels(shape, vocabulary, 1)
y = labels(shape if per_token else shape[:2], vocabulary if per_token else options.get("classes", 1), 2)


def initial_model():
    module = MODELS[kind](**options)
    for index, (name, parameter) in enumerate(sorted(module.named_parameters())):
        with torch.no_grad():
            if parameter.dim() > 1:
                bound = 1 / math.sqrt(math.prod(parameter.shape[1:]))
                parameter.copy_(tensor(uniform(tuple(parameter.shape), index + 10, -bound, bound)))
            else:
                parameter.fill_(1 if name.endswith("weight") else 0)
    return module.train()


def loss_of(module, images, targets):
    output = module(images)
    if kind == "autoencoder":
        return F.mse_loss(output, images)
    return F.cross_entropy(output.flatten(0, 1), targets.flatten()) if per_token else F.cross_entropy(output, targets)


def training(memory_format, **sgd):
    module = initial_model().to(memory_format=memory_format)
    batches = [
        (images.contiguous(memory_format=memory_format) if images.dim() == 4 else images, targets)
        for images, targets in zip(x.unbind(), y.unbind())
    ]
    optimizer = torch.optim.SGD(module.parameters(), lr=0.001, momentum=0.9, **sgd)

    def work():
        losses = []
        for images, targets in batches:
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(module, images, targets)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return losses

    return work


formats = {"contiguous": torch.contiguous_format}
if len(example) == 3:
    formats["channels last"] = torch.channels_last
optimizers = {"fused SGD": {"fused": True}, "foreach SGD": {"foreach": True}, "SGD": {"foreach": False}}
forms = {
    f"{layout}, {optimizer}": training(memory_format, **sgd)
    for layout, memory_format in formats.items()
    for optimizer, sgd in optimizers.items()
}
losses = torch.stack(training(torch.contiguous_format)())
serve(forms, args.steps, [losses[0], losses[-1]])
