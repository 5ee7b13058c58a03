"""Exports small PyTorch models to ONNX, with what PyTorch itself computes from them, for the tests of the ONNX reader.

Run:  python bench/peers/make_onnx_models.py [output folder]
Needs torch (2.14 was used), onnx and onnxscript. Writes <name>.onnx and <name>.json for each case: the inputs and the
labels, the model's output, the mean cross entropy and its gradient with respect to every parameter that the file
keeps under its own name. Everything is seeded; arrays are little-endian base64.
"""

import base64
import json
import pathlib
import sys
import warnings

import onnx
import onnx.numpy_helper
import torch
from torch import nn

warnings.filterwarnings("ignore")


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x):
        return self.layers(x)


class LeNetSigmoid(nn.Module):
    """The network of the gradient-leakage papers, narrower."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 5, padding=2, stride=2), nn.Sigmoid(),
            nn.Conv2d(4, 4, 5, padding=2, stride=2), nn.Sigmoid(),
            nn.Conv2d(4, 4, 5, padding=2, stride=1), nn.Sigmoid(),
        )
        self.fc = nn.Linear(4 * 4 * 4, 3)

    def forward(self, x):
        x = self.body(x)
        return self.fc(x.view(x.size(0), -1))


class ConvSmall(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.LeakyReLU(0.1), nn.MaxPool2d(2),
            nn.Conv2d(4, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Linear(6, 3),
        )

    def forward(self, x):
        return self.body(x)


class ResNetBlock(nn.Module):
    """A block that halves the image, with a strided shortcut."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 6, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1, groups=2, bias=False)
        self.bn2 = nn.BatchNorm2d(6)
        self.shortcut = nn.Sequential(nn.Conv2d(2, 6, 1, stride=2, bias=False), nn.BatchNorm2d(6))
        self.fc = nn.Linear(6 * 2 * 2, 3)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))
        y = nn.functional.avg_pool2d(y, 2)
        return self.fc(torch.flatten(y, 1))


class Transformer(nn.Module):
    def __init__(self, activation="gelu"):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 24, dropout=0.1, activation=activation, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.encoder(x).mean(1))


class Attention(nn.Module):
    """Written out, with the shape arithmetic and the causal mask that users write."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.position = nn.Parameter(torch.randn(12, 8) * 0.1)
        self.qkv = nn.Linear(8, 24)
        self.out = nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 3)

    def forward(self, ids):
        b, t = ids.shape
        x = self.embed(ids) + self.position[:t]
        q, k, v = self.qkv(self.norm(x)).chunk(3, dim=-1)
        q, k, v = (z.view(b, t, 2, 4).transpose(1, 2) for z in (q, k, v))
        scores = q @ k.transpose(-2, -1) / 4**0.5
        mask = torch.tril(torch.ones(t, t, dtype=torch.bool))
        scores = scores.masked_fill(~mask, float("-inf"))
        y = (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, 8)
        return self.head((x + self.out(y))[:, -1])


class TextClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30, 8)
        self.linear = nn.Linear(8, 3)

    def forward(self, ids):
        return self.linear(self.embedding(ids).mean(1))


def images(channels, size):
    return lambda dtype: torch.randn(4, channels, size, size, dtype=dtype)


def tokens(vocabulary, length):
    return lambda dtype: torch.randint(0, vocabulary, (4, length))


# name, model, input, options: exporter ("trace" or "export"), opset, whether the batch axis is open, dtype
CASES = [
    ("mlp-11", Mlp, lambda d: torch.randn(4, 12, dtype=d), dict(opset=11)),
    ("mlp-13", Mlp, lambda d: torch.randn(4, 12, dtype=d), dict(opset=13, open=True)),
    ("mlp-float64", Mlp, lambda d: torch.randn(4, 12, dtype=d), dict(opset=17, dtype="float64")),
    ("mlp-export-21", Mlp, lambda d: torch.randn(4, 12, dtype=d), dict(exporter="export", opset=21, open=True)),
    ("lenet-12", LeNetSigmoid, images(1, 16), dict(opset=12, open=True)),
    ("lenet-float64", LeNetSigmoid, images(1, 16), dict(opset=16, dtype="float64")),
    ("lenet-export-18", LeNetSigmoid, images(1, 16), dict(exporter="export", opset=18)),
    ("convsmall-13", ConvSmall, images(2, 8), dict(opset=13, open=True)),
    ("convsmall-15", ConvSmall, images(2, 8), dict(opset=15)),
    ("convsmall-export-20", ConvSmall, images(2, 8), dict(exporter="export", opset=20, open=True)),
    ("resnet-14", ResNetBlock, images(2, 8), dict(opset=14, open=True)),
    ("resnet-float64", ResNetBlock, images(2, 8), dict(opset=17, dtype="float64")),
    ("resnet-export-18", ResNetBlock, images(2, 8), dict(exporter="export", opset=18)),
    ("transformer-14", Transformer, lambda d: torch.randn(4, 5, 16, dtype=d), dict(opset=14, open=True)),
    ("transformer-17", Transformer, lambda d: torch.randn(4, 5, 16, dtype=d), dict(opset=17)),
    # The exporter stores gelu's square root of 2 in float32, so not with gelu.
    ("transformer-float64", lambda: Transformer("relu"), lambda d: torch.randn(4, 5, 16, dtype=d), dict(opset=17, dtype="float64")),
    ("transformer-export-18", Transformer, lambda d: torch.randn(4, 5, 16, dtype=d), dict(exporter="export", opset=18, open=True)),
    ("attention-14", Attention, tokens(20, 6), dict(opset=14, open=True)),
    ("attention-16", Attention, tokens(20, 6), dict(opset=16, dtype="float64")),
    ("attention-export-20", Attention, tokens(20, 6), dict(exporter="export", opset=20, open=True)),
    ("text-11", TextClassifier, tokens(30, 7), dict(opset=11, open=True)),
    ("text-export-19", TextClassifier, tokens(30, 7), dict(exporter="export", opset=19)),
]


def encode(tensor):
    array = tensor.detach().cpu().contiguous().numpy()
    little = array.astype(array.dtype.newbyteorder("<"))
    return {
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "base64": base64.b64encode(little.tobytes()).decode("ascii"),
    }


def settle_statistics(model, x):
    """Running statistics away from their initial 0 and 1."""
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model(x)
    model.eval()


def make(folder, name, build, draw, exporter="trace", opset=17, open=False, dtype="float32"):
    torch.manual_seed(7)
    precision = getattr(torch, dtype)
    model = build().to(precision)
    x = draw(precision)
    with torch.no_grad():  # Equal tensors would be stored once, under one name.
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    settle_statistics(model, x)
    labels = torch.tensor([0, 2, 1, 2])
    file = folder / f"{name}.onnx"
    if exporter == "trace":
        # Without constant folding the parameters keep their names and their layout.
        torch.onnx.export(
            model, (x,), str(file), opset_version=opset, dynamo=False, do_constant_folding=False,
            training=torch.onnx.TrainingMode.PRESERVE, input_names=["x"], output_names=["logits"],
            dynamic_axes={"x": {0: "batch"}, "logits": {0: "batch"}} if open else None,
        )
    else:
        torch.onnx.export(
            model, (x,), str(file), opset_version=opset, dynamo=True, external_data=False, verbose=False,
            input_names=["x"], output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},) if open else None,
        )
    proto = onnx.load(str(file))
    for holder in [proto.graph, *proto.graph.node, *proto.graph.initializer, *proto.functions]:
        holder.doc_string = ""
        if hasattr(holder, "metadata_props"):
            del holder.metadata_props[:]
    for item in [*proto.graph.input, *proto.graph.output, *proto.graph.value_info]:
        del item.metadata_props[:]
    del proto.graph.value_info[:]
    onnx.save(proto, str(file))
    # A batch of another size where the batch axis is open.
    if open:
        x = torch.cat([x, x.flip(0)[:2]])
        labels = torch.cat([labels, labels[:2]])
    torch.backends.mha.set_fastpath_enabled(False)
    logits = model(x)
    loss = nn.functional.cross_entropy(logits, labels)
    loss.backward()
    # A parameter into which a batch normalisation was folded keeps its name but is another one.
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    same = lambda a, b: a is not None and a.shape == b.shape and (a == b).all()
    gradients = {
        key: encode(parameter.grad)
        for key, parameter in model.named_parameters()
        if same(stored.get(key), parameter.detach().numpy())
    }
    assert gradients, f"{name}: no parameter kept its name"
    record = {
        "made": {"torch": torch.__version__.split("+")[0], "exporter": exporter, "opset": proto.opset_import[0].version, "seed": 7},
        "input": encode(x), "labels": encode(labels), "logits": encode(logits),
        "loss": loss.item(), "gradients": gradients,
    }
    (folder / f"{name}.json").write_text(json.dumps(record) + "\n")
    print(f"{name}: {file.stat().st_size} bytes, {len(gradients)} of {len(list(model.parameters()))} parameters, opset {record['made']['opset']}")


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "test/vectors/onnx")
    folder.mkdir(parents=True, exist_ok=True)
    for name, build, draw, options in CASES:
        make(folder, name, build, draw, **options)
