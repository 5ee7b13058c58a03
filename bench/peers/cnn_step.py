"""Training steps of a convolutional network on 3x32x32 (3x3 convolutions to 32 and 64 channels, relu, max pooling 2,
one linear layer 4096-10, softmax cross-entropy, SGD), PyTorch eager (oneDNN)."""

import torch
import torch.nn.functional as F

from protocol import arguments, labels, serve, tensor, uniform

args = arguments(batch=64, steps=5)
x = tensor(uniform((args.steps, args.batch, 3, 32, 32), 1, -1, 1))
y = labels((args.steps, args.batch), 10, 2)
initial = [
    tensor(uniform((32, 3, 3, 3), 3, -0.3, 0.3)),
    torch.zeros(32),
    tensor(uniform((64, 32, 3, 3), 4, -0.1, 0.1)),
    torch.zeros(64),
    tensor(uniform((4096, 10), 5, -0.03, 0.03)),
    torch.zeros(10),
]
learning_rate = 0.01


def training(memory_format):
    def arranged(t):
        return t.contiguous(memory_format=memory_format) if t.dim() == 4 else t

    weights = [arranged(w.clone()).requires_grad_() for w in initial]
    batches = [(arranged(images), targets) for images, targets in zip(x.unbind(), y.unbind())]

    def work():
        with torch.no_grad():
            for w, w0 in zip(weights, initial):
                w.copy_(w0)
        losses = []
        w1, b1, w2, b2, w3, b3 = weights
        for images, targets in batches:
            a = F.max_pool2d(torch.relu(F.conv2d(images, w1, b1, padding=1)), 2)
            a = F.max_pool2d(torch.relu(F.conv2d(a, w2, b2, padding=1)), 2)
            loss = F.cross_entropy(torch.addmm(b3, a.flatten(1), w3), targets)
            gradients = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for w, gradient in zip(weights, gradients):
                    w.sub_(gradient, alpha=learning_rate)
            losses.append(loss.detach())
        return losses

    return work


forms = {
    "contiguous": training(torch.contiguous_format),
    "channels last": training(torch.channels_last),
}
losses = torch.stack(forms["contiguous"]())
serve(forms, args.steps, [losses[0], losses[-1]])
