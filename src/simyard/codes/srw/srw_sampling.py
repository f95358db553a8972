"""Job cmd, code srw: the electrons of a beam, each by its number alone, and how they are shared out.

Halton's sequence in five dimensions, shifted by a random vector of the seed (Cranley and Patterson, SIAM J. Numer. Anal. 13
(1976) 904): a mean converges faster than with random numbers, and any core can make any electron.
"""

import math
import random
from statistics import NormalDist

BASES = (2, 3, 5, 7, 11)
NORMAL = NormalDist()
#: Electrons that one core works on at a time: a share of seconds, so that a stop or a frame does not wait.
BATCH = 4


def radical_inverse(number, base):
    """The digits of `number` mirrored at the point: 6 = 110 in base 2 becomes 0.011."""
    found, weight = 0.0, 1.0 / base
    while number:
        number, digit = divmod(number, base)
        found += digit * weight
        weight /= base
    return found


def shift(seed):
    draw = random.Random(seed)  # noqa: S311 - a physical sample, not a secret
    return [draw.random() for _ in BASES]


def standard(number, by):
    """Five independent numbers of mean 0 and variance 1 for electron `number` (0, 1, …)."""
    places = ((radical_inverse(number + 1, base) + move) % 1.0 for base, move in zip(BASES, by, strict=True))
    return [NORMAL.inv_cdf(min(max(place, 1e-12), 1 - 1e-12)) for place in places]


def electron(number, by, moments):
    """(x, x', y, y', relative energy offset) of an electron from `moments`: <x²>, <x x'>, <x'²>, <y²>, <y y'>, <y'²>, <δ²>."""
    u = standard(number, by)
    x, xp = correlated(u[0], u[1], *moments[0:3])
    y, yp = correlated(u[2], u[3], *moments[3:6])
    return x, xp, y, yp, u[4] * math.sqrt(moments[6])


def correlated(a, b, xx, xp, pp):
    """A place and an angle with these second moments, from two independent numbers."""
    if xx <= 0:
        return 0.0, b * math.sqrt(max(pp, 0.0))
    size = math.sqrt(xx)
    return a * size, a * xp / size + b * math.sqrt(max(pp - xp * xp / xx, 0.0))


def frame_ends(electrons, frames):
    """After how many electrons each frame is taken, evenly spaced: never more frames than electrons."""
    frames = min(frames, electrons)
    return [electrons * (number + 1) // frames for number in range(frames)]


def batches(electrons, frames, done=0):
    """[(first, end)]: electrons in shares that no frame cuts, the same on any number of cores. `done`, the end of a share, is left out."""
    shares, first = [], 0
    for end in frame_ends(electrons, frames):
        while first < end:
            shares.append((first, min(first + BATCH, end)))
            first = shares[-1][1]
    return [share for share in shares if share[0] >= done]
