"""Linear influence of every row of a recorded training (Hara et al. 2019) in NumPy, by the R-operator: one pass forward and
backward with a tangent gives both the rows' slopes and the Hessian-vector product of a step (Pearlmutter 1994).

`step_by_step` does a step's whole work at the step. `beforehand` does what depends on the trajectory alone (outputs, masks of the
ReLUs, deltas) for all steps in a few batched products first, and only the tangent's part in the walk back; it needs the
batches of all steps to have one size, and their rows to fit into memory."""

import numpy as np

from cleansing_cases import Training, score_check
from protocol import arguments, serve


def step_by_step(training):
    """A function that computes the scores, with all its arrays made before."""
    number, penalty, classes = training.dtype.type, training.penalty, training.classes
    sizes, depth = training.sizes, len(training.sizes) - 1
    theta_layers = training.layers(training.trace)
    u = np.empty_like(training.query)
    product = np.empty_like(u)
    v, products = training.layers(u), training.layers(product)
    spare = [np.empty_like(layer) for layer in products]
    size = max(map(len, training.batches))
    new = lambda width: np.empty((size, width), training.dtype)
    x = new(sizes[0] + 1)
    a = [x] + [np.ones((size, width + 1), training.dtype) for width in sizes[1:-1]]
    ra = [None] + [np.zeros((size, width + 1), training.dtype) for width in sizes[1:-1]]
    z, rz, rz_more, e, re, re_more = ([new(width) for width in sizes] for _ in range(6))
    mask = [new(width) for width in sizes]
    targets = np.eye(classes, dtype=training.dtype)[training.y] if classes > 1 else training.y.astype(training.dtype)[:, None]
    target = new(classes)
    steps = [
        (batch, number(rate), number(rate / len(batch)), number(1 / len(batch)), [layer[t] for layer in theta_layers])
        for t, (batch, rate) in enumerate(zip(training.batches, training.rates))
    ]
    slopes = np.empty((training.steps, size), training.dtype)
    every = np.concatenate(training.batches)
    # A short batch leaves the end of its line unused.
    used = np.arange(size) < np.array([len(batch) for batch in training.batches])[:, None]
    buffers = {}

    def views(b):
        if b not in buffers:
            cut = lambda arrays: [None if array is None else array[:b] for array in arrays]
            buffers[b] = [*map(cut, (a, ra, z, rz, rz_more, e, re, re_more, mask)), target[:b]]
        return buffers[b]

    def work():
        u[:] = training.query
        for t in range(training.steps - 1, -1, -1):
            batch, rate, slope_factor, mean_factor, theta = steps[t]
            b = len(batch)
            a_, ra_, z_, rz_, more_, e_, re_, re_more_, mask_, target_ = views(b)
            training.x.take(batch, axis=0, out=a_[0], mode="clip")
            targets.take(batch, axis=0, out=target_, mode="clip")
            for layer in range(depth):
                next_z, next_rz = z_[layer + 1], rz_[layer + 1]
                np.matmul(a_[layer], theta[layer].T, out=next_z)
                np.matmul(a_[layer], v[layer].T, out=next_rz)
                if layer > 0:
                    np.matmul(ra_[layer], theta[layer].T, out=more_[layer + 1])
                    next_rz += more_[layer + 1]
                if layer < depth - 1:
                    np.greater(next_z, 0, out=mask_[layer + 1], casting="unsafe")
                    np.maximum(next_z, 0, out=a_[layer + 1][:, :-1])
                    np.multiply(next_rz, mask_[layer + 1], out=ra_[layer + 1][:, :-1])
            output, tangent, delta, r_delta = z_[-1], rz_[-1], e_[-1], re_[-1]
            if classes == 1:
                np.negative(output, out=delta)
                np.exp(delta, out=delta)
                delta += 1
                np.reciprocal(delta, out=delta)
                np.multiply(delta, delta, out=r_delta)
                np.subtract(delta, r_delta, out=r_delta)
                r_delta *= tangent
            else:
                np.subtract(output, output.max(1, keepdims=True), out=delta)
                np.exp(delta, out=delta)
                delta /= delta.sum(1, keepdims=True)
                np.subtract(tangent, np.einsum("ij,ij->i", delta, tangent)[:, None], out=r_delta)
                r_delta *= delta
            delta -= target_
            np.einsum("ij,ij->i", delta, tangent, out=slopes[t, :b])
            if penalty:
                slopes[t, :b] += penalty * np.dot(u, training.trace[t])
            slopes[t, :b] *= slope_factor
            delta *= mean_factor
            r_delta *= mean_factor
            for layer in range(depth - 1, -1, -1):
                np.matmul(re_[layer + 1].T, a_[layer], out=products[layer])
                if layer > 0:
                    np.matmul(e_[layer + 1].T, ra_[layer], out=spare[layer])
                    products[layer] += spare[layer]
                    np.matmul(e_[layer + 1], theta[layer][:, :-1], out=e_[layer])
                    np.matmul(re_[layer + 1], theta[layer][:, :-1], out=re_[layer])
                    np.matmul(e_[layer + 1], v[layer][:, :-1], out=re_more_[layer])
                    re_[layer] += re_more_[layer]
                    e_[layer] *= mask_[layer]
                    re_[layer] *= mask_[layer]
            np.multiply(product, rate, out=product)
            if penalty:
                np.multiply(u, 1 - rate * number(penalty), out=u)
            np.subtract(u, product, out=u)
        return np.bincount(every, slopes[used], training.rows)

    return work


def beforehand(training):
    """The same for a training of equal batches, with all that the trajectory determines computed first (and timed)."""
    batches, rates = np.stack(training.batches), np.array(training.rates, training.dtype)
    steps, size = batches.shape
    penalty, classes, depth = training.penalty, training.classes, len(training.sizes) - 1
    theta = training.layers(training.trace)
    trace, rows = training.trace, batches.ravel()
    decay = 1 - rates * penalty
    if classes != 1:
        raise ValueError("one logit is expected")

    def output_and_deltas():
        a, masks = [training.x[batches]], [None]
        for layer in range(depth - 1):
            hidden = np.matmul(a[-1], theta[layer].transpose(0, 2, 1))
            masks.append((hidden > 0).astype(training.dtype))
            activation = np.ones((steps, size, hidden.shape[2] + 1), training.dtype)
            np.maximum(hidden, 0, out=activation[:, :, :-1])
            a.append(activation)
        z = np.matmul(a[-1], theta[-1].transpose(0, 2, 1))
        probability = 1 / (1 + np.exp(-z))
        factor = (rates / size)[:, None, None]
        slope = (probability - training.y[batches][:, :, None]) * factor
        curvature = probability * (1 - probability) * factor
        deltas = [None] * depth + [slope]
        for layer in range(depth - 1, 0, -1):
            deltas[layer] = np.matmul(deltas[layer + 1], theta[layer][:, :, :-1]) * masks[layer]
        return a, masks, deltas, curvature

    def scores_of(slope, tangents, along):
        slopes = slope * tangents + (penalty * rates / size * along)[:, None]
        return np.bincount(rows, slopes.ravel(), training.rows)

    def logistic():
        (x,), _, (_, slope), curvature = output_and_deltas()
        # The penalty shrinks u at every step; here that is taken out of the walk. The line of theta gives its product with u.
        later = np.append(np.cumprod(decay[:0:-1])[::-1], 1)
        with_theta = np.concatenate([x, trace[:, None, :]], 1)
        curved = x * (curvature / decay[:, None, None])
        along = np.empty((steps, size + 1))
        u, change = training.query.copy(), np.empty_like(training.query)
        dot, subtract = np.dot, np.subtract
        walk = (with_theta, curved, along, along[:, :size])
        for x_t, curved_t, along_t, tangent_t in zip(*(array[::-1] for array in walk)):
            dot(x_t, u, out=along_t)
            dot(tangent_t, curved_t, out=change)
            subtract(u, change, out=u)
        along *= later[:, None]
        return scores_of(slope[:, :, 0], along[:, :size], along[:, size])

    def perceptron():
        a, masks, deltas, curvature = output_and_deltas()
        tangents, along = np.empty((steps, size, 1)), np.empty(steps)
        u, product = training.query.copy(), np.empty_like(training.query)
        v, products = training.layers(u), training.layers(product)
        spare = [np.empty_like(layer) for layer in products]
        widths = training.sizes[1:-1]
        ra = [None] + [np.zeros((size, width + 1)) for width in widths]
        rz = [None] + [np.empty((size, width)) for width in widths] + [None]
        more = [None] + [np.empty((size, width)) for width in widths] + [np.empty((size, 1))]
        re = [None] + [np.empty((size, width)) for width in widths] + [np.empty((size, 1))]
        matmul, multiply, add = np.matmul, np.multiply, np.add
        for t in range(steps - 1, -1, -1):
            along[t] = np.dot(trace[t], u)
            rz[depth] = tangents[t]
            for layer in range(depth):
                matmul(a[layer][t], v[layer].T, out=rz[layer + 1])
                if layer > 0:
                    matmul(ra[layer], theta[layer][t].T, out=more[layer + 1])
                    add(rz[layer + 1], more[layer + 1], out=rz[layer + 1])
                if layer < depth - 1:
                    multiply(rz[layer + 1], masks[layer + 1][t], out=ra[layer + 1][:, :-1])
            multiply(curvature[t], tangents[t], out=re[depth])
            for layer in range(depth - 1, -1, -1):
                matmul(re[layer + 1].T, a[layer][t], out=products[layer])
                if layer > 0:
                    matmul(deltas[layer + 1][t].T, ra[layer], out=spare[layer])
                    add(products[layer], spare[layer], out=products[layer])
                    matmul(re[layer + 1], theta[layer][t][:, :-1], out=re[layer])
                    matmul(deltas[layer + 1][t], v[layer][:, :-1], out=more[layer])
                    add(re[layer], more[layer], out=re[layer])
                    multiply(re[layer], masks[layer][t], out=re[layer])
            multiply(u, decay[t], out=u)
            np.subtract(u, product, out=u)
        return scores_of(deltas[depth][:, :, 0], tangents[:, :, 0], along)

    return logistic if depth == 1 else perceptron


def main(forms_of):
    args = arguments(case="adult-logistic", dtype="float64")
    training = Training(args.case, args.dtype)
    forms = forms_of(training)
    scores = [work() for work in forms.values()]
    for other in scores[1:]:
        np.testing.assert_allclose(other, scores[0], rtol=1e-9, atol=1e-12)
    serve(forms, 1, score_check(scores[0], args.dtype), versions={"numpy": np.__version__})


def forms_of(training):
    """For one logit both forms; the arrays that `beforehand` makes of larger networks would not fit."""
    forms = {"step by step": step_by_step(training)}
    if training.classes == 1:
        forms["the trajectory's part beforehand"] = beforehand(training)
    return forms


if __name__ == "__main__":
    main(forms_of)
