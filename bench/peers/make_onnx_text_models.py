"""Exports text models from PyTorch to ONNX as a user would, with the gradients that PyTorch computes: test/vectors/text-models.

Run:  python bench/peers/make_onnx_text_models.py [output folder]
Needs torch (2.14.1 was used), onnx and onnxscript. All weights are drawn with torch.manual_seed(0), biases and layer
normalisations too: the exporters write parameters that are equal only once.

- masked-lm.onnx: an encoder of two layers as BERT's with an output layer of its own; batch and length left open;
- tied-masked-lm.onnx: its output layer is the table of embeddings, by the exporter based on TorchScript, for one text of
  16 tokens;
- text-classifier.onnx: three classes from the first token, with an attention mask as a second input.
- text-models.json: a text for each, and of PyTorch's gradient in float64 for each parameter the shape, the sum of squares and
  the sum; vocabulary.txt: the words.
"""

import json
import math
import pathlib
import sys
import warnings

import onnx
import torch
from torch import nn

warnings.filterwarnings("ignore")

WORDS = """[PAD] [UNK] [CLS] [SEP] [MASK] the of and to a in that it is was for on with he be at by i this had not are but
from or have an they which one you were all her she there would their we him been has when who will patient rare disease
brother doctor nine years old . , ?""".split()
WIDTH, HEADS, LENGTH = 24, 2, 16


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.up, self.down = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, x, bias):
        n, t, _ = x.shape
        query, key, value = (
            layer(x).view(n, t, HEADS, WIDTH // HEADS).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(-1, -2) / math.sqrt(WIDTH // HEADS)
        mixed = (scores if bias is None else scores + bias).softmax(-1) @ value
        x = self.norm1(x + self.output(mixed.transpose(1, 2).reshape(n, t, WIDTH)))
        return self.norm2(x + self.down(nn.functional.gelu(self.up(x))))


class Encoder(nn.Module):
    def __init__(self, classes=None, tied=False):
        super().__init__()
        self.classes = classes
        self.words, self.places = nn.Embedding(len(WORDS), WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.layers = nn.ModuleList([Layer(), Layer()])
        self.decoder = nn.Linear(WIDTH, classes or len(WORDS))
        for name, parameter in self.named_parameters():
            scale = "norm" in name and name.endswith("weight")
            nn.init.normal_(parameter, 1.0 if scale else 0.0, 0.1 if parameter.dim() == 1 else 0.2)
        if tied:
            self.decoder.weight = self.words.weight

    def forward(self, ids, attention_mask=None):
        h = self.norm(self.words(ids) + self.places(torch.arange(ids.shape[1])))
        bias = None if attention_mask is None else (1 - attention_mask[:, None, None, :].to(h.dtype)) * -1e4
        for layer in self.layers:
            h = layer(h, bias)
        return self.decoder(h if self.classes is None else h[:, 0])


def without_traces(path):
    """The file without the exporter's notes, which name the source files of every node."""
    model = onnx.load(path)
    for item in [model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer,
                 *model.graph.value_info]:
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    model.graph.ClearField("value_info")
    onnx.save(model, path)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    open_axes = {0: "batch", 1: "tokens"}
    sentence = "[CLS] the patient has a rare [MASK] and he is nine years old . [SEP]".split()
    ids = torch.tensor([[WORDS.index(word) for word in sentence]])
    padded = nn.functional.pad(ids, (0, LENGTH - ids.shape[1]))
    text = dict(dynamo=False, opset_version=17, input_names=["ids"], output_names=["logits"])

    untied, tied, classifier = Encoder().eval(), Encoder(tied=True).eval(), Encoder(classes=3).eval()
    torch.onnx.export(untied, (padded,), folder / "masked-lm.onnx", input_names=["ids"], output_names=["logits"],
                      dynamo=True, external_data=False, verbose=False,
                      dynamic_shapes=({0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens", max=LENGTH)},))
    torch.onnx.export(tied, (padded,), folder / "tied-masked-lm.onnx", **text)
    torch.onnx.export(classifier, (padded, torch.ones_like(padded)), folder / "text-classifier.onnx",
                      **{**text, "input_names": ["input_ids", "attention_mask"]},
                      dynamic_axes={"input_ids": open_axes, "attention_mask": open_axes})

    for path in folder.glob("*.onnx"):
        without_traces(path)

    masked, label = sentence.index("[MASK]"), WORDS.index("disease")
    results = {}
    for name, model, tokens, row, target in (("masked-lm", untied, ids, masked, label),
                                             ("tied-masked-lm", tied, padded, masked, label),
                                             ("text-classifier", classifier, ids, 0, 2)):
        model.double()
        extra = (torch.ones_like(tokens),) if name == "text-classifier" else ()
        logits = model(tokens, *extra).reshape(-1, model.decoder.out_features)
        loss = nn.functional.cross_entropy(logits[row : row + 1], torch.tensor([target]))
        parameters = dict(model.named_parameters())
        gradients = torch.autograd.grad(loss, list(parameters.values()))
        results[name] = {
            "ids": tokens[0].tolist(), "row": row, "label": target, "loss": loss.item(),
            "gradients": {key: {"shape": list(g.shape), "squares": g.square().sum().item(), "sum": g.sum().item()}
                          for key, g in zip(parameters, gradients)},
        }
    version = {"torch": torch.__version__.split("+")[0], "generator": "bench/peers/make_onnx_text_models.py", "seed": 0}
    (folder / "text-models.json").write_text(json.dumps({"version": version, **results}) + "\n")
    (folder / "vocabulary.txt").write_text("\n".join(WORDS) + "\n")


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parents[2]
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "test/vectors/text-models")
