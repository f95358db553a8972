"""Job cmd, code xsuite: where particles start, and their tunes. Numpy alone."""

import numpy as np


def start(inputs, optics):
    """Arrays x, px, y, py, delta, as they are added to the closed orbit. `optics` has betx, alfx, bety, alfy, dx, dpx, dy, dpy at the start."""
    number, kind = inputs["particles"], inputs["distribution"]
    delta = np.full(number, inputs["momentum_offset"] / 100)
    if kind == "gaussian":
        random = np.random.default_rng(inputs["seed"])
        normal = random.standard_normal((5, number))
        delta = delta + normal[4] * inputs["momentum_spread"] / 100
        x, px = matched(normal[0], normal[1], inputs["emittance_x"] * 1e-6, optics["betx"], optics["alfx"])
        y, py = matched(normal[2], normal[3], inputs["emittance_y"] * 1e-6, optics["bety"], optics["alfy"])
        return {
            "x": x + optics["dx"] * delta, "px": px + optics["dpx"] * delta,
            "y": y + optics["dy"] * delta, "py": py + optics["dpy"] * delta, "delta": delta,
        }  # fmt: skip
    if kind == "line":
        share_x = share_y = np.arange(1, number + 1) / number
    else:
        side = int(np.ceil(np.sqrt(number)))
        at = np.arange(number)
        share_x, share_y = (at % side + 1) / side, (at // side + 1) / side
    zero = np.zeros(number)
    return {
        "x": share_x * inputs["amplitude_x"] / 1e3, "px": zero, "y": share_y * inputs["amplitude_y"] / 1e3, "py": zero, "delta": delta,
    }  # fmt: skip


def matched(one, other, emittance, beta, alfa):
    position = np.sqrt(emittance * beta) * one
    return position, np.sqrt(emittance / beta) * (other - alfa * one)


def normalised(position, momentum, beta, alfa):
    """Coordinates in which motion goes around a circle clockwise: x/√β, (α x + β p)/√β, in √m."""
    return position / np.sqrt(beta), (alfa * position + beta * momentum) / np.sqrt(beta)


def invariant(position, momentum, beta, alfa):
    """Courant and Snyder's: γ x² + 2 α x p + β p², in m."""
    one, other = normalised(position, momentum, beta, alfa)
    return one**2 + other**2


def tunes(position, momentum):
    """The fractional tune of each row (particles × turns) of normalised coordinates, 0 … 1; NaN where it does not move.

    The highest line of the spectrum under a Hann window; between the bins by the ratio of the two highest, which is exact for
    a single line and many turns."""
    signal = position - 1j * momentum
    signal = signal - signal.mean(axis=1, keepdims=True)
    turns = signal.shape[1]
    window = np.hanning(turns + 1)[:-1]
    spectrum = np.abs(np.fft.fft(signal * window, axis=1))
    top = spectrum.argmax(axis=1)
    row = np.arange(len(top))
    before, here, after = (spectrum[row, (top + step) % turns] for step in (-1, 0, 1))
    up = after >= before
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(up, after, before) / here
        part = (2 * ratio - 1) / (ratio + 1)
    found = (top + np.where(up, part, -part)) / turns % 1.0
    found[~(here > 0)] = np.nan
    return found
