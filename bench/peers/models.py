"""PyTorch modules with the names, layouts and options of src/models, for model_reference.py."""

import math

import torch
from torch import nn
from torch.nn import functional as F

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "gelu": nn.GELU, "softplus": nn.Softplus, "sigmoid": nn.Sigmoid}


class FixedDropout(nn.Module):
    """Dropout with a mask that is given."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate
        self.mask = None

    def forward(self, x):
        if not self.training or self.mask is None:
            return x
        return x * self.mask / (1 - self.rate)


class Logistic(nn.Module):
    def __init__(self, inputShape, classes, bias=True):
        super().__init__()
        self.fc = nn.Linear(math.prod(inputShape), classes, bias=bias)

    def forward(self, x):
        return self.fc(x.flatten(1))


def perceptron(sizes, activation):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


class Mlp(nn.Sequential):
    def __init__(self, inputShape, classes, widths=(128,), activation="relu"):
        super().__init__(*perceptron([math.prod(inputShape), *widths, classes], activation))

    def forward(self, x):
        return super().forward(x.flatten(1))


class Lenet(nn.Module):
    def __init__(self, variant="dlg", channels=None, side=None, classes=None, activation="sigmoid"):
        super().__init__()
        channels = channels or (1 if variant == "idlg" else 3)
        side = side or (28 if channels == 1 else 32)
        classes = classes or (100 if variant == "dlg" and channels != 1 else 10)
        self.strides = [2, 2, 1, 1] if variant == "soteria" else [2, 2, 1]
        for i, stride in enumerate(self.strides):
            setattr(self, f"conv{i + 1}", nn.Conv2d(channels if i == 0 else 12, 12, 5, stride, padding=2))
        self.fc = nn.Linear(12 * (side // 4) ** 2, classes)
        self.act = ACTIVATIONS[activation]()

    def forward(self, x):
        for i in range(len(self.strides)):
            x = self.act(getattr(self, f"conv{i + 1}")(x))
        return self.fc(x.flatten(1))


class ConvSmall(nn.Module):
    def __init__(self, inputShape, classes, width=32, activation="relu"):
        super().__init__()
        self.conv0 = nn.Conv2d(inputShape[0], width, 3, padding=1)
        self.conv1 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.conv2 = nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(4 * width, 4 * width, 3, stride=2, padding=1)
        self.linear = nn.Linear(4 * width, classes)
        self.act = ACTIVATIONS[activation]()

    def forward(self, x):
        for layer in (self.conv0, self.conv1, self.conv2):
            x = self.act(layer(x))
        x = self.act(self.conv3(F.max_pool2d(x, 3)))
        return self.linear(x.mean((2, 3)))


def normalisation(kind, channels):
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "none":
        return nn.Identity()
    groups = next(g for g in range(max(1, min(32, channels // 2)), 0, -1) if channels % g == 0)
    return nn.GroupNorm(groups, channels)


class Vgg11(nn.Module):
    def __init__(self, inputShape, classes, width=64, normalisation="none", activation="relu", hidden=None):
        super().__init__()
        norm, layers, inputs = normalisation, [], inputShape[0]
        for step in (1, "M", 2, "M", 4, 4, "M", 8, 8, "M", 8, 8, "M"):
            if step == "M":
                layers += [nn.MaxPool2d(2)]
                continue
            layers += [nn.Conv2d(inputs, step * width, 3, padding=1)]
            if norm != "none":
                layers += [globals()["normalisation"](norm, step * width)]
            layers += [ACTIVATIONS[activation]()]
            inputs = step * width
        self.features = nn.Sequential(*layers)
        features = 8 * width * (inputShape[1] // 32) * (inputShape[2] // 32)
        self.classifier = nn.Linear(features, classes) if hidden is None else nn.Sequential(
            nn.Linear(features, hidden), ACTIVATIONS[activation](), FixedDropout(0.5),
            nn.Linear(hidden, hidden), ACTIVATIONS[activation](), FixedDropout(0.5),
            nn.Linear(hidden, classes),
        )

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, norm, activation, projects):
        super().__init__()
        bias = norm == "none"
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=bias)
        self.bn1 = normalisation(norm, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=bias)
        self.bn2 = normalisation(norm, outputs)
        self.act = ACTIVATIONS[activation]()
        self.added, self.stride = outputs - inputs, stride
        if projects and (stride > 1 or inputs != outputs):
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=bias), normalisation(norm, outputs)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(self.act(self.bn1(self.conv1(x)))))
        if hasattr(self, "downsample"):
            x = self.downsample(x)
        elif self.added:
            before = self.added // 2
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.added - before))
        return self.act(y + x)


class Resnet(nn.Module):
    def __init__(self, depth, inputShape, classes, width=None, normalisation="batch", activation="relu", stem="3x3"):
        super().__init__()
        norm = globals()["normalisation"]
        width = width or (64 if depth == 18 else 16)
        self.stem = stem
        bias = normalisation == "none"
        self.conv1 = (
            nn.Conv2d(inputShape[0], width, 7, 2, padding=3, bias=bias) if stem == "7x7"
            else nn.Conv2d(inputShape[0], width, 3, padding=1, bias=bias)
        )
        self.bn1 = norm(normalisation, width)
        self.act = ACTIVATIONS[activation]()
        counts, inputs = ([2] * 4 if depth == 18 else [(depth - 2) // 6] * 3), width
        self.stages = len(counts)
        for stage, count in enumerate(counts):
            blocks, outputs = [], width * 2**stage
            for place in range(count):
                stride = 2 if stage > 0 and place == 0 else 1
                blocks.append(Block(inputs, outputs, stride, normalisation, activation, depth == 18))
                inputs = outputs
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.act(self.bn1(self.conv1(x)))
        if self.stem == "7x7":
            x = F.max_pool2d(x, 3, 2, padding=1)
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


class Autoencoder(nn.Module):
    def __init__(self, inputShape, kind="mlp", widths=None, activation="relu"):
        super().__init__()
        self.kind = kind
        widths = widths or ([128, 32] if kind == "mlp" else [16, 32])
        if kind == "mlp":
            sizes = [math.prod(inputShape), *widths]
            self.encoder = perceptron(sizes, activation)
            self.decoder = perceptron(sizes[::-1], activation)
            return
        sizes = [inputShape[0], *widths]
        act = ACTIVATIONS[activation]

        def chain(sizes, layer):
            layers = [each for pair in zip(sizes, sizes[1:]) for each in (layer(*pair), act())]
            return nn.Sequential(*layers[:-1])

        self.encoder = chain(sizes, lambda i, o: nn.Conv2d(i, o, 3, 2, padding=1))
        self.decoder = chain(sizes[::-1], lambda i, o: nn.ConvTranspose2d(i, o, 3, 2, padding=1, output_padding=1))

    def forward(self, x):
        return self.decoder(self.encoder(x.flatten(1) if self.kind == "mlp" else x)).flatten(1)


class TextLinear(nn.Module):
    def __init__(self, vocabulary, tokens, classes, width=64, padding=None):
        super().__init__()
        self.padding = padding
        self.embedding = nn.Embedding(vocabulary, width)
        self.fc = nn.Linear(width, classes)

    def forward(self, ids):
        mean = F.embedding_bag(ids, self.embedding.weight, mode="mean", padding_idx=self.padding)
        return self.fc(mean)


class SelfAttention(nn.Module):
    def __init__(self, hidden, heads, rate):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(hidden, hidden) for _ in range(3))
        self.dropout = FixedDropout(rate)
        self.heads = heads

    def forward(self, x, visible):
        n, t, d = x.shape
        q, k, v = (f(x).view(n, t, self.heads, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        scores = q @ k.transpose(-1, -2) / math.sqrt(d // self.heads)
        if visible is not None:
            scores = scores.masked_fill(~visible[:, None, None, :], -torch.inf)
        return (self.dropout(scores.softmax(-1)) @ v).transpose(1, 2).reshape(n, t, d)


class Dense(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.dense = nn.Linear(inputs, outputs)


class Output(Dense):
    def __init__(self, inputs, hidden, rate):
        super().__init__(inputs, hidden)
        self.LayerNorm = nn.LayerNorm(hidden, eps=1e-12)
        self.dropout = FixedDropout(rate)


class Layer(nn.Module):
    def __init__(self, hidden, heads, intermediate, rate, norm):
        super().__init__()
        self.attention = nn.Module()
        self.attention.self = SelfAttention(hidden, heads, rate)
        self.attention.output = Output(hidden, hidden, rate)
        self.intermediate = Dense(hidden, intermediate)
        self.output = Output(intermediate, hidden, rate)
        self.norm = norm

    def forward(self, x, visible):
        for part, function in (
            (self.attention.output, lambda h: self.attention.self(h, visible)),
            (self.output, lambda h: F.gelu(self.intermediate.dense(h))),
        ):
            if self.norm == "pre":
                x = x + part.dropout(part.dense(function(part.LayerNorm(x))))
            else:
                x = part.LayerNorm(x + part.dropout(part.dense(function(x))))
        return x


class Bert(nn.Module):
    """Names as in Hugging Face's BertForMaskedLM and BertForSequenceClassification."""

    def __init__(self, vocabulary=30522, tokens=128, hidden=128, layers=2, heads=2, intermediate=None,
                 positions=512, dropout=0.1, norm="post", head="masked-lm", classes=2, tied=True, padding=None):
        super().__init__()
        self.head, self.tied, self.padding = head, tied, padding
        self.bert = nn.Module()
        self.bert.embeddings = nn.Module()
        self.bert.embeddings.word_embeddings = nn.Embedding(vocabulary, hidden)
        self.bert.embeddings.position_embeddings = nn.Embedding(positions, hidden)
        self.bert.embeddings.token_type_embeddings = nn.Embedding(2, hidden)
        self.bert.embeddings.LayerNorm = nn.LayerNorm(hidden, eps=1e-12)
        self.bert.embeddings.dropout = FixedDropout(dropout)
        self.bert.encoder = nn.Module()
        self.bert.encoder.layer = nn.ModuleList(
            Layer(hidden, heads, intermediate or 4 * hidden, dropout, norm) for _ in range(layers)
        )
        if head == "classifier":
            self.bert.pooler = Dense(hidden, hidden)
            self.dropout = FixedDropout(dropout)
            self.classifier = nn.Linear(hidden, classes)
            return
        self.cls = nn.Module()
        self.cls.predictions = nn.Module()
        if tied:
            self.cls.predictions.bias = nn.Parameter(torch.zeros(vocabulary))
        self.cls.predictions.transform = Dense(hidden, hidden)
        self.cls.predictions.transform.LayerNorm = nn.LayerNorm(hidden, eps=1e-12)
        if not tied:
            self.cls.predictions.decoder = nn.Linear(hidden, vocabulary)

    def forward(self, ids):
        e = self.bert.embeddings
        x = e.word_embeddings(ids) + e.position_embeddings.weight[: ids.shape[1]] + e.token_type_embeddings.weight[0]
        x = e.dropout(e.LayerNorm(x))
        visible = None if self.padding is None else ids != self.padding
        for layer in self.bert.encoder.layer:
            x = layer(x, visible)
        if self.head == "classifier":
            return self.classifier(self.dropout(torch.tanh(self.bert.pooler.dense(x[:, 0]))))
        p = self.cls.predictions
        x = p.transform.LayerNorm(F.gelu(p.transform.dense(x)))
        return x @ e.word_embeddings.weight.T + p.bias if self.tied else p.decoder(x)


MODELS = {
    "logistic": Logistic, "mlp": Mlp, "lenet": Lenet, "convSmall": ConvSmall, "vgg11": Vgg11, "resnet": Resnet,
    "autoencoder": Autoencoder, "textLinear": TextLinear, "bert": Bert,
}
