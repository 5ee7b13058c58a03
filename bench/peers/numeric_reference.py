"""Reference values for src/numeric: special functions by mpmath (40 digits and more), statistics and LSMR by SciPy.

Usage: python numeric_reference.py special|stable|statistics|lsmr OUTPUT.json
"""

import json
import sys

import mpmath as mp
import numpy as np
import scipy
from mpmath import mpf

mp.mp.dps = 40
SEED = 20240


def grid(low, high, count):
    """Logarithmic, rounded to 4 digits so that a reader can see the arguments."""
    return [float(f"{x:.4g}") for x in np.geomspace(low, high, count)]


def both(values):
    return [-x for x in reversed(values)] + values


def rows(function, arguments):
    """[argument, ..., value] for each argument or tuple of arguments; values that a double cannot hold are left out."""
    out = []
    for argument in arguments:
        arguments_ = argument if isinstance(argument, tuple) else (argument,)
        value = float(function(*[mpf(a) for a in arguments_]))
        if np.isfinite(value) and (value == 0 or abs(value) > 1e-300):
            out.append([*map(float, arguments_), value])
    return out


def lower_gamma(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def upper_gamma(a, x):
    return mp.gammainc(a, x, mp.inf, regularized=True)


def beta(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def student(t, n):
    """P(T <= t) for t <= 0."""
    return mp.betainc(n / 2, mpf(1) / 2, 0, n / (n + t * t), regularized=True) / 2


def owens_t(h, a):
    cut = min(a, 20 / h) if h else a
    points = [0, cut / 4, cut / 2, cut] + ([a] if a > cut else [])
    # mpmath's error test is absolute, so the small factor stays outside.
    integral = mp.quad(lambda x: mp.exp(-h * h * x * x / 2) / (1 + x * x), points)
    return integral * mp.exp(-h * h / 2) / (2 * mp.pi)


def hurwitz(s, q):
    with mp.workdps(300):  # its error, too, is absolute
        return mp.zeta(s, q)


def inverse_erfc(q):
    mp.mp.dps = 60
    guess = mp.sqrt(abs(-mp.log(q))) if q < 0.1 else mp.erfinv(1 - q)
    value = mp.findroot(lambda x: mp.log(mp.erfc(x)) - mp.log(q), guess)
    mp.mp.dps = 40
    return value


def special():
    line = both(grid(1e-10, 30, 60)) + [0.0]
    positive = grid(1e-8, 1e6, 90)
    near = [1 + s * e for e in (1e-9, 1e-5, 1e-3, 0.1, 0.3, 0.499) for s in (-1, 1)]
    near += [2 + s * e for e in (1e-9, 1e-5, 1e-3, 0.1, 0.3, 0.499, 0.501) for s in (-1, 1)]
    negative = [-0.1, -0.5, -0.999, -1.5, -2.3, -7.7, -20.25, -50.5, -99.9, -170.3]
    return {
        "erf": rows(mp.erf, line),
        "erfc": rows(mp.erfc, line),
        "erfcx": rows(lambda x: mp.exp(x * x) * mp.erfc(x), both(grid(1e-10, 25, 40)) + grid(25, 1e10, 12)),
        "inverseErf": rows(mp.erfinv, both(grid(1e-12, 0.9999, 40))),
        "inverseErfc": rows(inverse_erfc, grid(1e-300, 0.9, 60) + [1.1, 1.5, 1.99]),
        "normalDistribution": rows(mp.ncdf, both(grid(1e-6, 37, 40))),
        "normalDensity": rows(mp.npdf, both(grid(1e-6, 37, 20))),
        "logNormalDistribution": rows(lambda x: mp.log1p(-mp.ncdf(-x)) if x > 0 else mp.log(mp.ncdf(x)), both(grid(1e-6, 30, 30)) + [-100.0]),
        "logGamma": rows(lambda x: mp.log(abs(mp.gamma(x))) if x < 1e5 else mp.loggamma(x), positive + near + negative),
        "gamma": rows(mp.gamma, grid(1e-8, 171.5, 80) + near + negative + [float(k) for k in range(1, 171, 13)]),
        "digamma": rows(mp.digamma, positive + near + negative),
        "lowerGamma": rows(lower_gamma, [(a, x) for a in grid(0.01, 3000, 14) for x in grid(1e-3, 4000, 16)]),
        "upperGamma": rows(upper_gamma, [(a, x) for a in grid(0.01, 3000, 14) for x in grid(1e-3, 4000, 16)]),
        "incompleteBeta": rows(
            beta,
            [
                (a, b, x)
                for a in (0.05, 0.5, 1.0, 3.5, 20.0, 300.0)
                for b in (0.05, 0.5, 1.0, 3.5, 20.0, 300.0)
                for x in (1e-9, 0.01, 0.2, 0.5, 0.77, 0.999)
            ],
        ),
        "studentDistribution": rows(
            student, [(-t, n) for n in (0.5, 1.0, 2.0, 3.7, 10.0, 100.0, 10000.0) for t in grid(1e-5, 300, 14)]
        ),
        "zeta": rows(
            mp.zeta, [-20.5, -9.5, -3.3, -1.0, -0.5, -0.01, 0.0, 0.1, 0.25, 0.5, 0.9, 0.99, 1.01, 1.3, 2.0, 3.7, 10.0, 33.0, 60.0]
        ),
        "hurwitzZeta": rows(
            hurwitz, [(s, q) for s in (0.3, 1.05, 1.5, 2.0, 4.5, 12.0, 50.0) for q in (0.01, 0.3, 1.0, 2.5, 30.0, 1e4)]
        ),
        "owensT": rows(
            owens_t,
            [(h, a) for h in (0.0, 1e-3, 0.1, 0.7, 1.5, 4.0, 9.0, 30.0) for a in (1e-4, 0.1, 0.5, 0.99, 1.0, 1.3, 5.0, 200.0)],
        ),
    }


def stable():
    """Densities of skewed stable laws (S1) by Fourier inversion of their characteristic functions."""
    mp.mp.dps = 25
    out = []
    for a, b in [(0.7, 0.4), (0.9, -1.0), (1.0, 0.5), (1.0, -1.0), (1.3, 0.8), (1.3, -1.0), (1.7, 0.3), (1.95, 1.0), (1.02, 0.5)]:
        a_, b_ = mpf(a), mpf(b)
        tangent = mp.tan(mp.pi * a_ / 2)

        def phase(u):
            return -b_ * 2 / mp.pi * u * mp.log(u) if a == 1 else b_ * tangent * u**a_

        end = mpf(60) ** (1 / a_)
        points = [0] + [end * mpf(2) ** -k for k in range(12, -1, -1)] + [end]
        points = sorted(set(points))
        for x in (-8.0, -2.0, -0.3, 0.1, 1.0, 3.5, 8.0):
            fine = sorted(set(points + [mp.mpf(k) for k in range(1, int(end))])) if end < 100 else points
            if end >= 100:
                fine = sorted(set(points + [end * k / 120 for k in range(1, 120)]))
            value = mp.quad(lambda u: mp.exp(-(u**a_)) * mp.cos(u * x - phase(u)) if u else mpf(1), fine) / mp.pi
            out.append([a, b, x, float(value)])
    return {"density": out}


def statistics():
    from scipy import stats

    rng = np.random.default_rng(SEED)
    correlations = []
    for name, size, levels in [("few", 3, 0), ("plain", 40, 0), ("ties", 60, 5), ("binary", 30, 2), ("large", 400, 40)]:
        x = rng.standard_normal(size)
        y = 0.4 * x + rng.standard_normal(size)
        if levels:
            x, y = np.round(x * levels / 4), np.round(y * levels / 4)
        else:
            x, y = np.round(x, 3), np.round(y, 3)
        tau, tau_p = stats.kendalltau(x, y, method="asymptotic")
        rho, rho_p = stats.spearmanr(x, y)
        r, r_p = stats.pearsonr(x, y)
        correlations.append(
            {
                "name": name, "x": x.tolist(), "y": y.tolist(),
                "kendall": float(tau), "kendallP": float(tau_p), "spearman": float(rho), "spearmanP": float(rho_p),
                "pearson": float(r), "pearsonP": float(r_p),
            }
        )  # fmt: skip
    sample = np.round(rng.standard_normal(23), 3)
    methods = ["inverted_cdf", "linear", "hazen", "weibull", "median_unbiased", "normal_unbiased"]
    probabilities = [0, 0.01, 0.1, 0.25, 0.5, 0.77, 0.9, 1]
    paired = []
    for size, levels, shift in [(8, 0, 0.5), (25, 0, 0.2), (25, 3, 0.4), (80, 0, 0.1), (60, 6, 0.2)]:
        a = rng.standard_normal(size) + shift
        b = rng.standard_normal(size)
        a, b = (np.round(a * levels / 3), np.round(b * levels / 3)) if levels else (np.round(a, 3), np.round(b, 3))
        t = stats.ttest_rel(a, b)
        low, high = t.confidence_interval(0.95)
        difference = a - b
        positive, nonzero = int((difference > 0).sum()), int((difference != 0).sum())
        tied = len(set(np.abs(difference))) < size or nonzero < size
        method = "exact" if not tied and size <= 50 else "asymptotic"
        wilcoxon = stats.wilcoxon(a, b, method=method, correction=True)
        paired.append(
            {
                "a": a.tolist(), "b": b.tolist(), "t": float(t.statistic), "tP": float(t.pvalue),
                "interval": [float(low), float(high)], "wilcoxon": float(wilcoxon.statistic),
                "wilcoxonP": float(wilcoxon.pvalue), "method": method,
                "signP": float(stats.binomtest(positive, nonzero).pvalue),
            }
        )  # fmt: skip
    proportions = []
    for k, n, level in [(0, 10, 0.95), (10, 10, 0.95), (3, 17, 0.9), (50, 1000, 0.99), (1, 2, 0.95), (123456, 1000000, 0.95)]:
        test = stats.binomtest(k, n)
        wilson = test.proportion_ci(level, method="wilson")
        exact = test.proportion_ci(level, method="exact")
        proportions.append({"k": k, "n": n, "level": level, "wilson": list(map(float, wilson)), "exact": list(map(float, exact))})
    skewed = np.round(rng.exponential(size=40), 3)
    bootstrap = {
        "sample": skewed.tolist(),
        # Limits of 200,000 resamples: ours must come near with fewer.
        **{
            method: list(
                map(float, stats.bootstrap((skewed,), np.mean, n_resamples=200_000, method=method, batch=5000, rng=rng).confidence_interval)
            )
            for method in ("percentile", "BCa")
        },
    }
    return {
        "correlations": correlations,
        "quantiles": {
            "sample": sample.tolist(), "probabilities": probabilities,
            **{m: np.quantile(sample, probabilities, method=m).tolist() for m in methods},
        },
        "moments": {
            "sample": sample.tolist(), "mean": float(sample.mean()), "variance": float(sample.var(ddof=1)),
        },
        "paired": paired,
        "proportions": proportions,
        "bootstrap": bootstrap,
        "studentQuantiles": [[p, n, float(stats.t.ppf(p, n))] for n in (1, 2.5, 10, 200) for p in (1e-6, 0.025, 0.3, 0.9, 0.9995)],
    }  # fmt: skip


def lsmr():
    from scipy.sparse.linalg import lsmr as solve

    # Small or well-conditioned: elsewhere rounding errors grow until two correct programs differ (Lanczos).
    rng = np.random.default_rng(SEED)
    cases = []
    for name, m, n, options in [
        ("square", 5, 5, {}),
        ("tall", 30, 10, {}),
        ("wide", 8, 20, {}),
        ("damped", 25, 15, {"damp": 0.7}),
        ("tight", 40, 25, {"atol": 1e-13, "btol": 1e-13}),
        ("ill", 30, 20, {"conlim": 8.0}),
        ("few", 30, 20, {"maxiter": 5}),
        ("consistent", 20, 10, {"atol": 1e-10, "btol": 1e-10}),
        ("start", 20, 10, {"atol": 1e-10, "btol": 1e-10, "x0": 1}),
    ]:
        A = np.round(rng.standard_normal((m, n)), 3)
        if name == "ill":
            A = np.round(A * np.geomspace(1, 0.003, n), 5)
        b = np.round(rng.standard_normal(m), 3)
        if name == "consistent":
            b = A @ np.ones(n)
        options = {**options, "maxiter": options.get("maxiter", 4 * min(m, n))}
        if "x0" in options:
            options["x0"] = np.full(n, 0.5)
        x, stop, iterations, normr, normar, norma, conda, normx = solve(A, b, **options)
        if "x0" in options:
            options["x0"] = options["x0"].tolist()
        cases.append(
            {
                "name": name, "rows": m, "columns": n, "A": A.ravel().tolist(), "b": b.tolist(), "options": options,
                "x": x.tolist(), "stop": int(stop), "iterations": int(iterations), "residualNorm": float(normr),
                "normalResidualNorm": float(normar), "matrixNorm": float(norma), "condition": float(conda),
                "solutionNorm": float(normx),
            }
        )  # fmt: skip
    return {"cases": cases}


def main():
    kind, path = sys.argv[1:]
    made = {"numpy": np.__version__, "scipy": scipy.__version__, "mpmath": mp.__version__}
    made["generator"] = "bench/peers/numeric_reference.py"
    values = {"special": special, "stable": stable, "statistics": statistics, "lsmr": lsmr}[kind]()
    with open(path, "w") as file:
        json.dump({"made": made, "seed": SEED, **values}, file, separators=(",", ":"))
        file.write("\n")


main()
