"""The electrons of a beam are what its moments say, each known by its number, and their shares do not depend on the cores."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

import tests.srw_environment  # noqa: F401 - its import makes the code's modules importable

# a code's modules have no annotations
sampling: Any = import_module("srw_sampling")

#: <x²>, <x x'>, <x'²>, <y²>, <y y'>, <y'²>, <δ²>
MOMENTS = (4e-10, -6e-11, 3e-11, 1e-12, 2e-13, 9e-13, 1e-6)


def test_digits_are_mirrored_at_the_point() -> None:
    assert [sampling.radical_inverse(n, 2) for n in (0, 1, 2, 3, 6)] == [0, 0.5, 0.25, 0.75, 0.375]
    assert sampling.radical_inverse(5, 3) == pytest.approx(2 / 3 + 1 / 9)


@pytest.mark.parametrize("seed", [0, 1, 77])
def test_the_electrons_have_the_moments_of_their_beam(seed: int) -> None:
    by = sampling.shift(seed)
    drawn = np.array([sampling.electron(number, by, MOMENTS) for number in range(4000)])
    covariance = np.cov(drawn.T)
    sizes = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(sizes**2, [MOMENTS[place] for place in (0, 2, 3, 5, 6)], rtol=0.01)
    expected = np.diag(sizes**2)
    expected[0, 1] = expected[1, 0] = MOMENTS[1]
    expected[2, 3] = expected[3, 2] = MOMENTS[4]
    # and nothing else goes together
    assert np.abs((covariance - expected) / np.outer(sizes, sizes)).max() < 0.02
    assert (np.abs(drawn.mean(axis=0)) < 0.02 * sizes).all()


def test_a_beam_without_size_or_spread_is_one_electron() -> None:
    assert sampling.electron(5, sampling.shift(1), (0,) * 7) == (0, 0, 0, 0, 0)


def test_an_electron_is_known_by_its_number_and_the_seed() -> None:
    assert sampling.electron(9, sampling.shift(3), MOMENTS) == sampling.electron(9, sampling.shift(3), MOMENTS)
    assert sampling.electron(9, sampling.shift(3), MOMENTS) != sampling.electron(9, sampling.shift(4), MOMENTS)
    assert sampling.electron(9, sampling.shift(3), MOMENTS) != sampling.electron(8, sampling.shift(3), MOMENTS)


def test_frames_are_evenly_spaced_and_never_more_than_electrons() -> None:
    assert sampling.frame_ends(10, 4) == [2, 5, 7, 10]
    assert sampling.frame_ends(3, 20) == [1, 2, 3]


@given(electrons=some.integers(1, 500), frames=some.integers(1, 60), part=some.integers(0, 400))
def test_shares_are_all_electrons_once_and_no_frame_cuts_one(electrons: int, frames: int, part: int) -> None:
    shares = sampling.batches(electrons, frames)
    assert [number for first, end in shares for number in range(first, end)] == list(range(electrons))
    assert set(sampling.frame_ends(electrons, frames)) <= {end for _, end in shares}
    assert max(end - first for first, end in shares) <= sampling.BATCH
    # who goes on after a share has the rest of the same
    done = shares[min(part, len(shares) - 1)][1]
    assert sampling.batches(electrons, frames, done) == [share for share in shares if share[0] >= done]
