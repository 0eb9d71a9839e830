"""How improbable so many clicks are, when honest places differ from each other."""

from math import lgamma, log

TERMS_MAX = 100_000
NEGLIGIBLE = 1e-12
MEAN_PPM_MIN, MEAN_PPM_MAX = 1_000, 200_000


def log10_tail(clicks: int, views: int, mean_ppm: int, prior_views: int) -> float:
    """log10 of P(X >= clicks), X clicks of `views` views whose rate is Beta distributed (a beta-binomial test).

    The rate's mean is `mean_ppm`, kept between 0.1 % and 20 %; the prior weighs `prior_views` views: that is how much
    honest places differ. A binomial test would call every place invalid that is merely better than others.

    >>> round(log10_tail(12, 20, 10_000, 100), 1)
    -10.9
    """
    if clicks <= 0:
        return 0.0
    mean = min(MEAN_PPM_MAX, max(MEAN_PPM_MIN, mean_ppm)) / 1_000_000
    a, b = mean * prior_views, (1 - mean) * prior_views
    first = _log_choose(views, clicks) + _log_beta(clicks + a, views - clicks + b) - _log_beta(a, b)
    total = term = 1.0              # relative to the first term
    for x in range(clicks, min(views, clicks + TERMS_MAX)):
        term *= (views - x) * (x + a) / ((x + 1) * (views - x - 1 + b))
        total += term
        if term < total * NEGLIGIBLE:
            break
    return min(0.0, (first + log(total)) / log(10))


def look(views: int, views_min: int) -> int:
    """How often a cell has been tested when it has so many views: at `views_min` and at each doubling; 0: never.

    >>> [look(views, 20) for views in (19, 20, 39, 40, 160)]
    [0, 1, 1, 2, 4]
    """
    return (views // views_min).bit_length()


def log10_alpha(exponent: int, looks: int) -> float:
    """What a tail must be below at this look: 10^-exponent is spent over all looks, as 1 / (n (n + 1)) sums to 1.

    `exponent` is chosen so that a day with a million cells has one false alarm in a thousand days (Bonferroni): 9.
    """
    return -exponent - log(looks * (looks + 1)) / log(10)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)

