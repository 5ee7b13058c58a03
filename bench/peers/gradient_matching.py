"""One evaluation of the leakage attack's objective (Zhu, Liu, Han 2019), PyTorch eager with create_graph:
D = sum of squares of (gradient of the dummy batch - received gradient), and its gradient with respect to the dummy
images and label logits, on the released LeNet (three 5x5 convolutions, sigmoid, one linear layer, 100 classes)."""

import torch
import torch.nn.functional as F

from protocol import arguments, labels, serve, tensor, uniform

args = arguments(dtype="float32", batch=1, steps=20)
dtype = getattr(torch, args.dtype)
classes = 100
shapes = [(12, 3, 5, 5), (12,), (12, 12, 5, 5), (12,), (12, 12, 5, 5), (12,), (classes, 768), (classes,)]
weights = [
    tensor(uniform(shape, 10 + i, -0.5, 0.5), dtype).requires_grad_() for i, shape in enumerate(shapes)
]


def network(images):
    w1, b1, w2, b2, w3, b3, w4, b4 = weights
    a = torch.sigmoid(F.conv2d(images, w1, b1, stride=2, padding=2))
    a = torch.sigmoid(F.conv2d(a, w2, b2, stride=2, padding=2))
    a = torch.sigmoid(F.conv2d(a, w3, b3, stride=1, padding=2))
    return F.linear(a.flatten(1), w4, b4)


truth = tensor(uniform((args.batch, 3, 32, 32), 20), dtype)
received = torch.autograd.grad(F.cross_entropy(network(truth), labels((args.batch,), classes, 21)), weights)
dummy = tensor(uniform((args.batch, 3, 32, 32), 22, -1.5, 1.5), dtype).requires_grad_()
logits = tensor(uniform((args.batch, classes), 23, -1.5, 1.5), dtype).requires_grad_()


def gradients_of_dummy():
    loss = F.cross_entropy(network(dummy), torch.softmax(logits, 1))
    return torch.autograd.grad(loss, weights, create_graph=True)


def gradient_of_distance():
    distance = sum(((g - r) ** 2).sum() for g, r in zip(gradients_of_dummy(), received))
    return distance, torch.autograd.grad(distance, (dummy, logits))


def product_with_residual():
    """The same by the chain rule: dD/dx is the product of d(gradients)/dx with 2 (gradients - received)."""
    gradients = gradients_of_dummy()
    with torch.no_grad():
        residuals = [g - r for g, r in zip(gradients, received)]
        distance = sum((residual**2).sum() for residual in residuals)
        vectors = [2 * residual for residual in residuals]
    return distance, torch.autograd.grad(gradients, (dummy, logits), grad_outputs=vectors)


def repeat(evaluate, onednn):
    def work():
        torch.backends.mkldnn.set_flags(onednn)
        for _ in range(args.steps):
            evaluate()

    return work


# oneDNN's cost per call exceeds its gain where the images are few and small; it has no float64.
backends = [("oneDNN", True), ("without oneDNN", False)][: 2 if dtype == torch.float32 else 1]
distance, (image_gradient, logit_gradient) = gradient_of_distance()
serve(
    {
        f"{name}, {backend}" if dtype == torch.float32 else name: repeat(evaluate, onednn)
        for name, evaluate in (
            ("gradient of the distance", gradient_of_distance),
            ("product with the residual", product_with_residual),
        )
        for backend, onednn in backends
    },
    args.steps,
    [distance.detach(), image_gradient.norm(), logit_gradient.norm()],
)
