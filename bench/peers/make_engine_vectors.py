"""Writes test/vectors/engine/*.json: values and derivatives of the engine's operations by PyTorch in float64.

Run: python bench/peers/make_engine_vectors.py  (the schema is in test/vectors/README.md)
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from engine_vectors import between, case, exactly, integers, normal, probabilities, shuffled, write

FOLDER = Path(__file__).resolve().parents[2] / "test" / "vectors" / "engine"


def elementwise():
    def unary(op, function, draw, attributes=None, suffix=""):
        return case(f"{op}{suffix}", op, function, [draw], attributes)

    x = normal(2, 4)
    positive = between(0.2, 3, 2, 4)
    wide = exactly([-40, -5.5, -1, -1e-3, 0, 1e-9, 0.7, 5.5, 40])
    ties = exactly([[1, -2, 0.5], [0, 3, -1]]), exactly([[1, -1, 0.25], [0, 2, -1]])
    return [
        case("add broadcast", "add", torch.add, [normal(2, 1, 3), normal(4, 1)]),
        case("sub scalar", "sub", torch.sub, [normal(2, 3), normal()]),
        case("mul broadcast", "mul", torch.mul, [normal(3, 1), normal(2, 1, 4)]),
        case("div", "div", torch.div, [normal(2, 3), between(0.5, 2, 3)]),
        case("pow", "pow", torch.pow, [between(0.2, 2, 2, 3), normal(3)]),
        case("pow of negative", "pow", lambda a: a**3, [exactly([-2, -0.5, 1.5])], {"exponent": 3}),
        case("pow square at zero", "pow", lambda a: a**2, [exactly([-1.5, 0, 2])], {"exponent": 2}),
        unary("neg", torch.neg, x),
        unary("abs", torch.abs, exactly([-1.5, 0, 2])),
        unary("sign", torch.sign, exactly([-1.5, 0, 2])),
        unary("exp", torch.exp, x),
        unary("log", torch.log, positive),
        unary("log1p", torch.log1p, exactly([-0.9, -1e-10, 0, 1e-12, 1e-5, 0.5, 20])),
        unary("expm1", torch.expm1, exactly([-30, -0.9, -1e-10, 0, 1e-12, 1e-5, 0.5, 5])),
        unary("sqrt", torch.sqrt, positive),
        unary("rsqrt", torch.rsqrt, positive),
        unary("square", torch.square, x),
        unary("reciprocal", torch.reciprocal, positive),
        unary("sin", torch.sin, x),
        unary("cos", torch.cos, x),
        unary("tan", torch.tan, between(-1.2, 1.2, 5)),
        unary("tanh", torch.tanh, wide),
        unary("sigmoid", torch.sigmoid, wide),
        unary("softplus", F.softplus, wide),
        unary("relu", torch.relu, exactly([-1.5, 0, 2])),
        unary("gelu", F.gelu, wide, {"approximate": "none"}, " exact"),
        unary("gelu", lambda a: F.gelu(a, approximate="tanh"), wide, {"approximate": "tanh"}, " tanh"),
        unary("erf", torch.erf, exactly([-6, -2.5, -1, -0.3, -1e-8, 0, 1e-3, 0.5, 0.9, 1.7, 3.3, 5])),
        case("maximum ties", "maximum", torch.maximum, ties),
        case("minimum ties", "minimum", torch.minimum, ties),
        case("maximum broadcast", "maximum", torch.maximum, [shuffled(2, 3), exactly([0.1])]),
        unary("clip", lambda a: torch.clamp(a, -1, 1), exactly([-2, -0.5, 0.3, 1.4]), {"min": -1, "max": 1}),
        unary("clip", lambda a: torch.clamp(a, min=0.2), exactly([-2, 0.1, 0.3]), {"min": 0.2}, " below only"),
        case(
            "where",
            "where",
            torch.where,
            [exactly([[True], [False]], bool), normal(2, 3), normal(3)],
        ),
        unary("floor", torch.floor, exactly([-1.5, 0, 2.7])),
        unary("ceil", torch.ceil, exactly([-1.5, 0.2, 2.7])),
        unary("round", torch.round, exactly([-1.5, -0.5, 0.5, 1.5, 2.5, 2.7])),
        case("equal", "equal", torch.eq, ties),
        case("notEqual", "notEqual", torch.ne, ties),
        case("less", "less", torch.lt, ties),
        case("lessEqual", "lessEqual", torch.le, ties),
        case("greater", "greater", torch.gt, ties),
        case("greaterEqual", "greaterEqual", torch.ge, ties),
    ]


def reduction():
    x = normal(2, 3, 4)

    def over(op, function, axes, keep=False, draw=x, extra=None, suffix=""):
        name = f"{op}{suffix} over {'all' if axes is None else axes}{' kept' if keep else ''}"
        attributes = {**({} if axes is None else {"axes": axes}), "keepAxes": keep, **(extra or {})}
        return case(name, op, function, [draw], attributes)

    def product(a):
        """Over axes 0 and 2 together."""
        return a.permute(1, 0, 2).reshape(a.shape[1], -1).prod(1)

    ties = exactly([[1, 3, 3, 0], [2, 2, 2, 2]])
    return [
        over("sum", lambda a: a.sum(), None),
        over("sum", lambda a: a.sum((0, 2)), [0, 2]),
        over("sum", lambda a: a.sum(1, keepdim=True), [1], True),
        over("mean", lambda a: a.mean((-1,)), [-1]),
        over("mean", lambda a: a.mean((0, 1), keepdim=True), [0, 1], True),
        over("variance", lambda a: a.var((1, 2), correction=0), [1, 2], extra={"correction": 0}, suffix=" biased"),
        over("variance", lambda a: a.var((1,), correction=1), [1], extra={"correction": 1}, suffix=" unbiased"),
        over("max", lambda a: a.amax((0, 2)), [0, 2]),
        over("max", lambda a: a.amax(1), [1], draw=ties, suffix=" ties"),
        over("max", lambda a: a.amax((0, 1)), None, draw=ties, suffix=" ties"),
        over("min", lambda a: a.amin(1), [1], draw=ties, suffix=" ties"),
        over("prod", lambda a: a.prod(1), [1]),
        over("prod", product, [0, 2], draw=exactly(np.arange(1, 13).reshape(2, 3, 2) / 4)),
        over("prod", lambda a: a.prod(1), [1], draw=exactly([[2, 0, -1.5], [0, 0, 3], [1, 2, 3]]), suffix=" with zeros"),
        over("logSumExp", lambda a: a.logsumexp((0, 2)), [0, 2]),
        over("logSumExp", lambda a: a.logsumexp(1), [1], draw=exactly([[800, 799, -800], [-900, -901, -899]]), suffix=" large"),
        over("norm", lambda a: a.norm(), None),
        over("norm", lambda a: torch.linalg.vector_norm(a, 2, (1, 2)), [1, 2], extra={"order": 2}),
        over("norm", lambda a: torch.linalg.vector_norm(a, 1, (1,)), [1], extra={"order": 1}, suffix=" of order 1"),
        case("argmax", "argmax", lambda a: a.argmax(1), [shuffled(2, 3, 4)], {"axis": 1}),
        case("argmin", "argmin", lambda a: a.argmin(-1), [shuffled(2, 3, 4)], {"axis": -1}),
        case("cumsum", "cumsum", lambda a: a.cumsum(1), [x], {"axis": 1}),
    ]


def linear():
    def einsum(equation, *shapes):
        draws = [normal(*shape) for shape in shapes]
        return case(f"einsum {equation}", "einsum", lambda *t: torch.einsum(equation, *t), draws, {"equation": equation})

    return [
        case("matmul", "matmul", torch.matmul, [normal(3, 4), normal(4, 2)]),
        case("matmul batch broadcast", "matmul", torch.matmul, [normal(2, 1, 3, 4), normal(3, 4, 2)]),
        case("matmul vector matrix", "matmul", torch.matmul, [normal(3), normal(3, 2)]),
        case("matmul batched matrix vector", "matmul", torch.matmul, [normal(2, 3, 4), normal(4)]),
        case("matmul vectors", "matmul", torch.matmul, [normal(4), normal(4)]),
        case("outer", "outer", torch.outer, [normal(3), normal(4)]),
        einsum("ij,jk->ik", (2, 3), (3, 4)),
        einsum("bij,bkj->bik", (2, 3, 4), (2, 2, 4)),
        einsum("bhqd,bhkd->bhqk", (2, 2, 3, 2), (2, 2, 2, 2)),
        einsum("i,ij,j->", (2,), (2, 3), (3,)),
        einsum("ijk->ki", (2, 3, 2)),
        einsum("ii->i", (3, 3)),
    ]


def convolution():
    convs = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
    transposes = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}

    def conv(name, x, w, stride, padding, dilation=1, groups=1, bias=False):
        axes = len(x) - 2
        function = lambda a, b, c=None: convs[axes](a, b, c, stride, padding, dilation, groups)
        draws = [normal(*x), normal(*w), *([normal(w[0])] if bias else [])]
        attributes = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return case(f"conv {name}", "conv", function, draws, attributes)

    def transpose(name, x, w, stride, padding, output_padding, dilation=1, groups=1, bias=False):
        axes = len(x) - 2
        function = lambda a, b, c=None: transposes[axes](a, b, c, stride, padding, output_padding, groups, dilation)
        draws = [normal(*x), normal(*w), *([normal(w[1] * groups)] if bias else [])]
        attributes = {"stride": stride, "padding": padding, "outputPadding": output_padding}
        attributes |= {"dilation": dilation, "groups": groups}
        return case(f"convTranspose {name}", "convTranspose", function, draws, attributes)

    def uneven(a, b):
        return F.conv2d(F.pad(a, (2, 1, 0, 1)), b, stride=2)

    return [
        conv("1d", (2, 2, 6), (3, 2, 3), 1, 1, bias=True),
        conv("1d stride leaves a rest", (1, 2, 8), (2, 2, 3), 3, 1),
        conv("1d dilation", (1, 2, 9), (2, 2, 3), 2, 2, dilation=2),
        conv("1d groups", (2, 4, 5), (4, 2, 2), 1, 0, groups=2),
        conv("2d", (2, 2, 4, 5), (3, 2, 3, 3), 1, 1, bias=True),
        conv("2d of LeNet", (1, 2, 6, 6), (2, 2, 5, 5), 2, 2, bias=True),
        conv("2d axes differ", (1, 1, 6, 7), (2, 1, 3, 2), [2, 1], [1, 0], dilation=[1, 2]),
        conv("2d depthwise", (1, 3, 4, 4), (3, 1, 3, 3), 1, 1, groups=3),
        conv("2d 1x1", (2, 3, 2, 2), (2, 3, 1, 1), 1, 0),
        conv("2d groups, stride", (1, 4, 5, 5), (6, 2, 3, 3), 2, 1, groups=2),
        conv("3d", (1, 2, 3, 4, 3), (2, 2, 2, 3, 2), [1, 2, 1], [0, 1, 1], bias=True),
        case(
            "conv 2d padding before and after",
            "conv",
            uneven,
            [normal(1, 2, 4, 5), normal(2, 2, 2, 3)],
            {"stride": 2, "padding": [[0, 1], [2, 1]], "dilation": 1, "groups": 1},
        ),
        transpose("1d", (2, 2, 4), (2, 3, 3), 2, 1, 1, bias=True),
        transpose("2d output padding", (1, 2, 3, 3), (2, 2, 3, 3), 2, 1, 1),
        transpose("2d no output padding", (1, 2, 3, 3), (2, 2, 3, 3), 2, 1, 0, bias=True),
        transpose("2d axes differ", (1, 2, 3, 2), (2, 1, 2, 3), [3, 2], [0, 1], [2, 0]),
        transpose("2d groups, dilation", (1, 4, 3, 3), (4, 1, 2, 2), 1, 0, 0, dilation=2, groups=2),
        transpose("3d", (1, 2, 2, 2, 2), (2, 1, 2, 3, 2), 2, [0, 1, 0], [1, 1, 0]),
    ]


def pooling():
    x = shuffled(1, 2, 5, 6)

    def largest(name, function, draw, **attributes):
        return case(f"maxPool {name}", "maxPool", function, [draw], attributes)

    def average(name, function, draw, **attributes):
        return case(f"averagePool {name}", "averagePool", function, [draw], attributes)

    return [
        largest("1d", lambda a: F.max_pool1d(a, 2, 2), shuffled(2, 2, 5), kernel=2, stride=2, padding=0),
        largest("2d", lambda a: F.max_pool2d(a, 2, 2), x, kernel=2, stride=2, padding=0),
        largest("2d overlapping, padded", lambda a: F.max_pool2d(a, 3, 2, 1), x, kernel=3, stride=2, padding=1),
        largest("2d axes differ", lambda a: F.max_pool2d(a, (2, 3), (1, 2)), x, kernel=[2, 3], stride=[1, 2], padding=0),
        largest("3d", lambda a: F.max_pool3d(a, 2, 1), shuffled(1, 1, 3, 2, 3), kernel=2, stride=1, padding=0),
        average("1d", lambda a: F.avg_pool1d(a, 2, 2), normal(2, 2, 5), kernel=2, stride=2, padding=0, countIncludePad=True),
        average(
            "2d counting the padding",
            lambda a: F.avg_pool2d(a, 3, 2, 1, count_include_pad=True),
            x,
            kernel=3,
            stride=2,
            padding=1,
            countIncludePad=True,
        ),
        average(
            "2d not counting the padding",
            lambda a: F.avg_pool2d(a, 3, 2, 1, count_include_pad=False),
            x,
            kernel=3,
            stride=2,
            padding=1,
            countIncludePad=False,
        ),
        average("3d", lambda a: F.avg_pool3d(a, 2, 1), normal(1, 1, 3, 2, 3), kernel=2, stride=1, padding=0, countIncludePad=True),
        case("globalAveragePool", "globalAveragePool", lambda a: a.mean((2, 3), keepdim=True), [normal(2, 2, 3, 2)]),
        case("upsample", "upsample", lambda a: F.interpolate(a, scale_factor=2), [normal(1, 2, 2, 3)], {"scale": 2}),
    ]


def shape():
    x = normal(2, 3, 4)
    reflect = lambda a: F.pad(a, (2, 1, 1, 2), mode="reflect")
    square = normal(2, 3, 4)
    return [
        case("reshape", "reshape", lambda a: a.reshape(4, 6), [x], {"shape": [4, 6]}),
        case("transpose", "transpose", lambda a: a.permute(2, 0, 1), [x], {"permutation": [2, 0, 1]}),
        case("slice with steps", "slice", lambda a: a[:, 1:, ::2], [x], {"ranges": [[None, None, 1], [1, None, 1], [None, None, 2]]}),
        case("slice reversed", "slice", lambda a: a.flip(1)[:, ::2], [x], {"ranges": [[None, None, 1], [None, None, -2]]}),
        case("at", "at", lambda a: a[:, -1], [x], {"index": -1, "axis": 1}),
        case("pad constant", "pad", lambda a: F.pad(a, (1, 0, 0, 2), value=1.5), [normal(2, 3)], {"widths": [[0, 2], [1, 0]], "mode": "constant", "value": 1.5}),
        case("pad reflect", "pad", reflect, [normal(1, 2, 4, 3)], {"widths": [[0, 0], [0, 0], [1, 2], [2, 1]], "mode": "reflect"}),
        case("concat", "concat", lambda *t: torch.cat(t, 1), [normal(2, 1), normal(2, 3)], {"axis": 1}),
        case("stack", "stack", lambda *t: torch.stack(t, 1), [normal(2, 3), normal(2, 3)], {"axis": 1}),
        case("split", "split", lambda a: a.split([1, 3], 1), [normal(2, 4)], {"sizes": [1, 3], "axis": 1}),
        case("flip", "flip", lambda a: a.flip(0, 2), [x], {"axes": [0, 2]}),
        case("tile", "tile", lambda a: a.tile(2, 1, 2), [normal(2, 2)], {"repeats": [2, 1, 2]}),
        case("expand", "expand", lambda a: a.expand(2, 3, 4), [normal(3, 1)], {"shape": [2, 3, 4]}),
        case("tril", "tril", lambda a: a.tril(1), [square], {"offset": 1}),
        case("triu", "triu", lambda a: a.triu(-1), [square], {"offset": -1}),
        case("diagonal", "diagonal", lambda a: a.diagonal(1, -2, -1), [square], {"offset": 1}),
    ]


def network():
    logits = normal(3, 4, scale=2)
    large = exactly([[1000, 0, -1000], [-5, 700, 701]])
    cross = F.cross_entropy
    binary = F.binary_cross_entropy_with_logits

    def batch_norm(a, scale, shift, mean=None, variance=None):
        training = mean is None
        if training:
            axes = [i for i in range(a.dim()) if i != 1]
            mean, variance = a.mean(axes), a.var(axes, correction=0)
            return F.batch_norm(a, None, None, scale, shift, training=True, eps=1e-3), mean, variance
        # By its formula, so that the statistics are differentiated too.
        c = lambda p: p.reshape(1, -1, *[1] * (a.dim() - 2))
        return (a - c(mean)) / torch.sqrt(c(variance) + 1e-3) * c(scale) + c(shift)

    return [
        case("softmax", "softmax", lambda a: a.softmax(-1), [logits], {"axis": -1}),
        case("softmax first axis", "softmax", lambda a: a.softmax(0), [logits], {"axis": 0}),
        case("softmax large", "softmax", lambda a: a.softmax(-1), [large], {"axis": -1}),
        case("logSoftmax", "logSoftmax", lambda a: a.log_softmax(-1), [logits], {"axis": -1}),
        case("logSoftmax large", "logSoftmax", lambda a: a.log_softmax(-1), [large], {"axis": -1}),
        case("softmaxCrossEntropy integer labels", "softmaxCrossEntropy", cross, [logits, integers(4, 3)], {"reduction": "mean"}),
        case("softmaxCrossEntropy per sample", "softmaxCrossEntropy", lambda a, b: cross(a, b, reduction="none"), [logits, integers(4, 3)], {"reduction": "none"}),
        case("softmaxCrossEntropy soft labels", "softmaxCrossEntropy", cross, [logits, probabilities(3, 4)], {"reduction": "mean"}),
        case("softmaxCrossEntropy soft labels summed", "softmaxCrossEntropy", lambda a, b: cross(a, b, reduction="sum"), [logits, probabilities(3, 4)], {"reduction": "sum"}),
        case("binaryCrossEntropyWithLogits", "binaryCrossEntropyWithLogits", binary, [normal(6, scale=3), between(0, 1, 6)], {"reduction": "mean"}),
        case(
            "binaryCrossEntropyWithLogits large",
            "binaryCrossEntropyWithLogits",
            lambda a, b: binary(a, b, reduction="none"),
            [exactly([-800, -40, 0, 40, 800]), exactly([0, 1, 1, 0, 1])],
            {"reduction": "none"},
        ),
        case("meanSquaredError", "meanSquaredError", F.mse_loss, [normal(2, 3), normal(2, 3)], {"reduction": "mean"}),
        case("layerNorm", "layerNorm", lambda a, s, b: F.layer_norm(a, (4,), s, b), [normal(2, 3, 4), normal(4), normal(4)], {"epsilon": 1e-5}),
        case("layerNorm two axes", "layerNorm", lambda a, s, b: F.layer_norm(a, (3, 2), s, b, 1e-3), [normal(2, 3, 2), normal(3, 2), normal(3, 2)], {"epsilon": 1e-3}),
        case("batchNorm training", "batchNorm", batch_norm, [normal(3, 2, 2, 2), normal(2), normal(2)], {"epsilon": 1e-3, "training": True}),
        case("batchNorm training, no spatial axes", "batchNorm", batch_norm, [normal(4, 3), normal(3), normal(3)], {"epsilon": 1e-3, "training": True}),
        case("batchNorm inference", "batchNorm", batch_norm, [normal(2, 2, 2, 2), normal(2), normal(2), normal(2), between(0.5, 2, 2)], {"epsilon": 1e-3, "training": False}),
        case(
            "dropout",
            "dropout",
            lambda a, m: torch.where(m, a / (1 - 0.25), torch.zeros_like(a)),
            [normal(2, 3), exactly([[True, False, True], [True, True, False]], bool)],
            {"rate": 0.25},
        ),
    ]


def indexing():
    x = normal(3, 4)
    along = exactly([[0, 2, 2, 1], [1, 1, 0, 2]], np.int64)
    columns = exactly([[3, 0], [1, 1], [2, 2]], np.int64)
    descending = lambda a: a.sort(-1, descending=True).values
    return [
        case("take rows", "take", lambda a, i: a[i], [x, exactly([[2, 0], [2, 1]], np.int64)], {"axis": 0}),
        case("take columns", "take", lambda a, i: a[:, i], [x, exactly([3, 3, 0], np.int64)], {"axis": 1}),
        case("embedding", "embedding", lambda a, i: a[i], [normal(5, 3), integers(5, 2, 3)]),
        case("takeAlongAxis 0", "takeAlongAxis", lambda a, i: a.gather(0, i), [x, along], {"axis": 0}),
        case("takeAlongAxis 1", "takeAlongAxis", lambda a, i: a.gather(1, i), [x, columns], {"axis": 1}),
        case("scatterAdd 0", "scatterAdd", lambda a, i, u: a.scatter_add(0, i, u), [x, along, normal(2, 4)], {"axis": 0}),
        case("scatterAdd 1", "scatterAdd", lambda a, i, u: a.scatter_add(1, i, u), [x, columns, normal(3, 2)], {"axis": 1}),
        case("oneHot", "oneHot", lambda i: F.one_hot(i, 4).double(), [exactly([2, 0, 3], np.int64)], {"classes": 4}),
        case("topK largest", "topK", lambda a: a.topk(2, -1), [shuffled(3, 4)], {"k": 2, "axis": -1, "largest": True}),
        case("topK smallest", "topK", lambda a: a.topk(2, 0, largest=False), [shuffled(3, 4)], {"k": 2, "axis": 0, "largest": False}),
        case("sort", "sort", lambda a: a.sort(0).values, [shuffled(3, 4)], {"axis": 0, "descending": False}),
        case("sort descending", "sort", descending, [shuffled(3, 4)], {"axis": -1, "descending": True}),
    ]


def transforms():
    """Complex tensors have a trailing axis of 2; `axes` count the others."""
    fft, real, joined = torch.fft, torch.view_as_real, torch.view_as_complex

    def complex_case(name, op, function, *draw_shape, **attributes):
        return case(name, op, lambda a: real(function(joined(a))), [normal(*draw_shape, 2)], attributes)

    def real_case(name, function, *draw_shape, **attributes):
        return case(name, "rfft", lambda a: real(function(a)), [normal(*draw_shape)], attributes)

    def inverse_real_case(name, function, *draw_shape, **attributes):
        return case(name, "irfft", lambda a: function(joined(a)), [normal(*draw_shape, 2)], attributes)

    return [
        *[complex_case(f"fft {n}", "fft", fft.fft, 2, n, axes=[1]) for n in (1, 4, 5, 8)],
        complex_case("fft first axis", "fft", lambda z: fft.fft(z, dim=0), 3, 2, axes=[0]),
        complex_case("fft two axes", "fft", fft.fft2, 3, 4, axes=[0, 1]),
        complex_case("fft three axes", "fft", lambda z: fft.fftn(z), 2, 3, 2, axes=[0, 1, 2]),
        complex_case("ifft 6", "ifft", fft.ifft, 2, 6, axes=[1]),
        complex_case("ifft two axes", "ifft", fft.ifft2, 3, 4, axes=[0, 1]),
        *[real_case(f"rfft {n}", fft.rfft, 2, n, axes=[1]) for n in (1, 2, 5, 8)],
        real_case("rfft two axes", fft.rfft2, 3, 4, axes=[0, 1]),
        *[
            inverse_real_case(f"irfft {n}", lambda z, n=n: fft.irfft(z, n), 2, n // 2 + 1, axes=[1], sizes=[n])
            for n in (2, 5, 8)
        ],
        inverse_real_case("irfft two axes", lambda z: fft.irfft2(z, (3, 4)), 3, 3, axes=[0, 1], sizes=[3, 4]),
        complex_case("fftShift", "fftShift", fft.fftshift, 3, 4, axes=[0, 1]),
    ]


def models():
    def mlp(x, y, w1, b1, w2, b2):
        return F.cross_entropy(torch.tanh(x @ w1 + b1) @ w2 + b2, y)

    def lenet(images, w1, b1, w2, b2, w3, b3, w4, b4):
        a = torch.sigmoid(F.conv2d(images, w1, b1, stride=2, padding=2))
        a = torch.sigmoid(F.conv2d(a, w2, b2, stride=2, padding=2))
        a = torch.sigmoid(F.conv2d(a, w3, b3, stride=1, padding=2))
        return F.linear(a.flatten(1), w4, b4)

    def distance(network):
        """Zhu, Liu, Han 2019: the squared distance of the dummy's gradient from the received one."""

        def function(images, logits, *rest):
            weights, received = rest[: len(rest) // 2], rest[len(rest) // 2 :]
            weights = [w if w.requires_grad else w.detach().requires_grad_() for w in weights]
            loss = F.cross_entropy(network(images, *weights), logits.softmax(-1))
            gradients = torch.autograd.grad(loss, weights, create_graph=True)
            return sum(((g - r) ** 2).sum() for g, r in zip(gradients, received))

        return function

    def matching(name, network, images, classes, shapes):
        draws = [normal(*images), normal(images[0], classes)]
        draws += [between(-0.5, 0.5, *s) for s in shapes] + [normal(*s, scale=0.1) for s in shapes]
        return case(name, "gradientMatching", distance(network), draws, constant=range(2, len(draws)))

    lenet_shapes = [(2, 1, 5, 5), (2,), (2, 2, 5, 5), (2,), (2, 2, 5, 5), (2,), (3, 8), (3,)]
    dense = lambda x, w1, b1, w2, b2: torch.sigmoid(x @ w1 + b1) @ w2 + b2
    return [
        case("MLP loss", "mlp", mlp, [normal(4, 5), integers(3, 4), normal(5, 4), normal(4), normal(4, 3), normal(3)]),
        matching("MLP gradient matching", dense, (2, 5), 3, [(5, 4), (4,), (4, 3), (3,)]),
        matching("LeNet gradient matching", lenet, (1, 1, 8, 8), 3, lenet_shapes),
        matching("LeNet gradient matching, batch", lenet, (3, 1, 8, 8), 3, lenet_shapes),
    ]


def main():
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    families = [elementwise, reduction, linear, convolution, pooling, shape, network, indexing, transforms, models]
    total = 0
    for family in families:
        cases = family()
        size = write(FOLDER / f"{family.__name__}.json", cases)
        total += size
        print(f"{family.__name__}.json: {len(cases)} cases, {size} bytes")
    print(f"{total} bytes")


if __name__ == "__main__":
    main()
