"""Exports classifiers from PyTorch to ONNX as a user would, with what PyTorch computes from them: test/vectors/classifiers.

Run:  python bench/peers/make_onnx_classifiers.py [output folder]
Needs torch (2.14.1 was used), onnx, onnxscript and numpy. The images are numpy.random.default_rng(7).random((2, 3, 32, 32)).

- lenet-sigmoid.onnx: the LeNet of the gradient-leakage papers for 3 x 32 x 32 images and 10 classes, batch left open;
- lenet-sigmoid-gradient.npz: the gradient that training this network on the first image, of class 3, would share, in float32;
- small-cnn-softmax.onnx: a convolutional network with batch normalisation and a softmax at its end, for one image.
"""

import json
import pathlib
import sys
import warnings

import numpy as np
import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(0)


class LenetSigmoid(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 12, 5, padding=2, stride=2), nn.Sigmoid(),
            nn.Conv2d(12, 12, 5, padding=2, stride=2), nn.Sigmoid(),
            nn.Conv2d(12, 12, 5, padding=2, stride=1), nn.Sigmoid(),
        )
        self.fc = nn.Sequential(nn.Linear(768, 10))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.5, 0.5)

    def forward(self, x):
        return self.fc(self.body(x).flatten(1))


class SmallCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 10)
        self.bn.running_mean.uniform_(-1, 1)
        self.bn.running_var.uniform_(0.5, 2)

    def logits(self, x):
        return self.fc(torch.tanh(self.bn(self.conv(x))).mean((2, 3)))

    def forward(self, x):
        return self.logits(x).softmax(1)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    images = torch.tensor(np.random.default_rng(7).random((2, 3, 32, 32)))
    lenet, small = LenetSigmoid().eval(), SmallCnn().eval()
    one = images[:1].float()
    torch.onnx.export(lenet, (one,), folder / "lenet-sigmoid.onnx", input_names=["image"], output_names=["logits"],
                      dynamo=False, opset_version=17, dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}})
    # The exporter would fold batch normalisation into the convolution; a user may switch that off to go on training.
    torch.onnx.export(small, (one,), folder / "small-cnn-softmax.onnx", input_names=["image"], dynamo=False,
                      opset_version=17, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    loss = nn.functional.cross_entropy(lenet(one), torch.tensor([3]))
    gradient = torch.autograd.grad(loss, list(lenet.parameters()))
    names = [name for name, _ in lenet.named_parameters()]
    np.savez(folder / "lenet-sigmoid-gradient.npz", **{name: g.numpy() for name, g in zip(names, gradient)})
    outputs = {}
    for name, module, f in (("lenet-sigmoid", lenet, lenet), ("small-cnn-softmax", small, small.logits)):
        in_double = module.double() if f is module else module.double().logits
        outputs[name] = {
            "shapes": {key: list(p.shape) for key, p in module.named_parameters()},
            "logits": in_double(images).tolist(),
        }
    versions = {"torch": torch.__version__.split("+")[0], "generator": "bench/peers/make_onnx_classifiers.py", "seed": 0}
    (folder / "onnx-classifiers.json").write_text(json.dumps({"version": versions, **outputs}) + "\n")


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parents[2]
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "test/vectors/classifiers")
