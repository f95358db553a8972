"""Textbook formulas of synchrotron radiation, by numpy alone: what SRW's code is held to.

X-ray Data Booklet, section 2.1; K.-J. Kim, Characteristics of Synchrotron Radiation, AIP Conf. Proc. 184 (1989) 565.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


def bessel_j(order: int, x: float) -> float:
    t = np.linspace(0, math.pi, 2001)
    return float(np.trapezoid(np.cos(order * t - x * np.sin(t)), t)) / math.pi


def bessel_k(order: float, x: float) -> float:
    """Modified, of the second kind, of any order."""
    t = np.linspace(0, 14, 3000)
    return float(np.trapezoid(np.exp(-x * np.cosh(t)) * np.cosh(order * t), t))


def undulator_peak(harmonic: int, periods: int, k: float, energy: float, current: float) -> float:
    """Photons/s/mrad²/0.1%bw on the axis at the peak of an odd harmonic, of a beam without emittance or spread: 1.744e14 N² E² I F_n(K)."""
    x = harmonic * k**2 / 4 / (1 + k**2 / 2)
    low, high = (harmonic - 1) // 2, (harmonic + 1) // 2
    f = harmonic**2 * k**2 / (1 + k**2 / 2) ** 2 * (bessel_j(low, x) - bessel_j(high, x)) ** 2
    return 1.744e14 * periods**2 * energy**2 * current * f


def bend_on_axis(photon_energies: Array, critical: float, energy: float, current: float) -> Array:
    """Photons/s/mrad²/0.1%bw in the plane of a bending magnet: 1.327e13 E² I H2(y), H2(y) = y² K²_{2/3}(y/2)."""
    h2 = [(y * bessel_k(2 / 3, y / 2)) ** 2 for y in photon_energies / critical]
    return 1.327e13 * energy**2 * current * np.array(h2)


def bend_over_height(photon_energies: Array, critical: float, energy: float, current: float) -> Array:
    """Photons/s/mrad/0.1%bw, over all vertical angles: 2.457e13 E I G1(y), G1(y) = y ∫ K_{5/3} from y on."""
    g1 = []
    for y in photon_energies / critical:
        xs = np.geomspace(y, y + 40, 400)
        g1.append(y * float(np.trapezoid([bessel_k(5 / 3, x) for x in xs], xs)))
    return 2.457e13 * energy * current * np.array(g1)
