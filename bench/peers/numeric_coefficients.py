"""Coefficients of src/numeric/special: Chebyshev series and zeta values, by mpmath at 50 digits.

Usage: python numeric_coefficients.py      # prints TypeScript
"""

from mpmath import bernoulli, cos, erf, erfc, exp, mp, mpf, pi, sqrt, zeta

mp.dps = 50


def chebyshev(f, terms, samples=200):
    """The first coefficients of f's Chebyshev series on [-1, 1]; the first one is not yet halved."""
    nodes = [pi * (k + mpf(1) / 2) / samples for k in range(samples)]
    values = [f(cos(t)) for t in nodes]
    return [2 * sum(v * cos(n * t) for v, t in zip(values, nodes)) / samples for n in range(terms)]


def show(name, values):
    print(f"const {name} = [")
    for value in values:
        print(f"  {float(value)!r},")
    print("];")


def scaled_erfc(t):
    """(1 + 2 x) exp(x^2) erfc(x) at t = (x - 3.75) / (x + 3.75)  (Shepherd and Laframboise 1981)"""
    if t >= 1:
        return 2 / sqrt(pi)
    x = mpf(15) / 4 * (1 + t) / (1 - t)
    if x > 200:  # asymptotic series
        term, total = mpf(1), mpf(1)
        for k in range(1, 30):
            term *= -(2 * k - 1) / (2 * x * x)
            total += term
        return (1 + 2 * x) * total / (x * sqrt(pi))
    return (1 + 2 * x) * exp(x * x) * erfc(x)


def erf_over_x(t):
    """erf(x) / x at t = 2 x^2 - 1"""
    x = sqrt((t + 1) / 2)
    return erf(x) / x if x > mpf(10) ** -20 else 2 / sqrt(pi)


show("erfOverX", chebyshev(erf_over_x, 18))
show("scaledErfc", chebyshev(scaled_erfc, 31, 400))
show("zetaMinusOne", [zeta(k) - 1 for k in range(2, 40)])
show("stirling", [bernoulli(2 * k) / (2 * k * (2 * k - 1)) for k in range(1, 12)])
show("bernoulliOverFactorial", [bernoulli(2 * k) / mp.factorial(2 * k) for k in range(1, 15)])
show("digammaSeries", [bernoulli(2 * k) / (2 * k) for k in range(1, 12)])
