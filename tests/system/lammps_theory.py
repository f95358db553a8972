"""What is known of Lennard-Jones atoms without LAMMPS: an equation of state, and the stiffness of the crystal."""

from __future__ import annotations

import itertools
import math

#: Table 10 of J. K. Johnson, J. A. Zollweg and K. E. Gubbins, The Lennard-Jones equation of state revisited, Mol. Phys. 78 (1993) 591.
X = (
    0.0, 0.8623085097507421, 2.976218765822098, -8.402230115796038, 0.1054136629203555, -0.8564583828174598, 1.582759470107601,
    0.7639421948305453, 1.753173414312048, 2.798291772190376e3, -4.8394220260857657e-2, 0.9963265197721935, -3.698000291272493e1,
    2.084012299434647e1, 8.305402124717285e1, -9.574799715203068e2, -1.477746229234994e2, 6.398607852471505e1, 1.603993673294834e1,
    6.805916615864377e1, -2.791293578795945e3, -6.245128304568454, -8.116836104958410e3, 1.488735559561229e1, -1.059346754655084e4,
    -1.131607632802822e2, -8.867771540418822e3, -3.986982844450543e1, -4.689270299917261e3, 2.593535277438717e2, -2.694523589434903e3,
    -7.218487631550215e2, 1.721802063863269e2,
)  # fmt: skip
GAMMA = 3.0


def terms(t: float) -> tuple[list[float], list[float]]:
    """Tables 5 and 6: the coefficients of the powers of the density, and of those with the exponential."""
    a = [
        X[1] * t + X[2] * math.sqrt(t) + X[3] + X[4] / t + X[5] / t**2, X[6] * t + X[7] + X[8] / t + X[9] / t**2,
        X[10] * t + X[11] + X[12] / t, X[13], X[14] / t + X[15] / t**2, X[16] / t, X[17] / t + X[18] / t**2, X[19] / t**2,
    ]  # fmt: skip
    b = [
        X[20] / t**2 + X[21] / t**3, X[22] / t**2 + X[23] / t**4, X[24] / t**2 + X[25] / t**3,
        X[26] / t**2 + X[27] / t**4, X[28] / t**2 + X[29] / t**3, X[30] / t**2 + X[31] / t**3 + X[32] / t**4,
    ]  # fmt: skip
    return a, b


def pressure(t: float, rho: float) -> float:
    a, b = terms(t)
    powers = sum(one * rho ** (n + 1) for n, one in enumerate(a, 1))
    return rho * t + powers + math.exp(-GAMMA * rho**2) * sum(one * rho ** (2 * n + 1) for n, one in enumerate(b, 1))


def free_energy(t: float, rho: float) -> float:
    """Helmholtz free energy per atom beyond that of the ideal gas."""
    a, b = terms(t)
    decay = math.exp(-GAMMA * rho**2)
    integrals = [(1 - decay) / (2 * GAMMA)]
    for n in range(1, 6):
        integrals.append(-(decay * rho ** (2 * n) - 2 * n * integrals[-1]) / (2 * GAMMA))
    return sum(one * rho**n / n for n, one in enumerate(a, 1)) + sum(one * g for one, g in zip(b, integrals, strict=True))


def potential_energy(t: float, rho: float) -> float:
    """Per atom: A - T dA/dT."""
    step = 1e-5 * t
    return free_energy(t, rho) - t * (free_energy(t + step, rho) - free_energy(t - step, rho)) / (2 * step)


def neighbours(side: float, cutoff: float) -> list[tuple[float, float, float]]:
    """All atoms around one of an fcc crystal of that lattice constant, up to the cut-off."""
    most = int(cutoff / side) + 2
    basis = [(0.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.5, 0.0, 0.5), (0.0, 0.5, 0.5)]
    found = []
    for cell in itertools.product(range(-most, most + 1), repeat=3):
        for one in basis:
            x, y, z = (side * (n + m) for n, m in zip(cell, one, strict=True))
            if 1e-9 < math.sqrt(x * x + y * y + z * z) < cutoff:
                found.append((x, y, z))
    return found


def crystal(cutoff: float) -> tuple[float, float]:
    """The lattice constant of the cold crystal without pressure, and its Young's modulus along [100] (Born's lattice sums)."""

    def virial(side: float) -> float:
        return sum(slope(math.hypot(*one)) * math.hypot(*one) for one in neighbours(side, cutoff))

    low, high = 1.50, 1.60
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if virial(middle) < 0 else (low, middle)
    c11 = c12 = 0.0
    for x, y, z in neighbours(low, cutoff):
        r = math.hypot(x, y, z)
        stiff = (curvature(r) - slope(r) / r) / r**2
        c11 += stiff * x**4
        c12 += stiff * x**2 * y**2
    volume = low**3 / 4
    c11, c12 = c11 / (2 * volume), c12 / (2 * volume)
    return low, (c11 - c12) * (c11 + 2 * c12) / (c11 + c12)


def slope(r: float) -> float:
    return 4 * (-12 / r**13 + 6 / r**7)


def curvature(r: float) -> float:
    return 4 * (156 / r**14 - 42 / r**8)
