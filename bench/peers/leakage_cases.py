"""The clients of bench/leakage/cases.js, number for number, as lbfgs_attack.py takes its cases."""

import numpy as np

from lbfgs_attack import PARAMETERS
from protocol import Lcg


def attack_case(channels, seed):
    """The published LeNet for 28 x 28 pixels and 10 classes (one channel), or 32 x 32 and 100 classes (three)."""
    side, classes = (28, 10) if channels == 1 else (32, 100)
    features = 12 * (side // 4) ** 2
    shapes = [(12, channels, 5, 5), (12,), (12, 12, 5, 5), (12,), (12, 12, 5, 5), (12,), (classes, features), (classes,)]
    numbers = Lcg(seed)
    case = {name: numbers.uniform(shape, -0.5, 0.5) for name, shape in zip(PARAMETERS, shapes)}
    image = (channels, side, side)
    case["images"] = numbers.uniform(image)
    case["labels"] = int(np.floor(classes * numbers.uniform((1,))[0]))
    start = numbers.normal((int(np.prod(image)) + classes,))
    case["start_images"] = start[:-classes].reshape(image)
    case["start_logits"] = start[-classes:]
    return case
