"""Inputs that SRW could do nothing with are refused in words, and what of a result is not to be trusted is said; without SRW."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from simyard.codes import code_toml
from tests.srw_environment import SRW, Inputs

# a code's modules have no annotations
srw_words: Any = import_module("srw_words")

DECLARED = code_toml.read(SRW)
DRIFT = {"kind": "drift", "length": 3.0}


def refused(model: str, inputs: dict[str, Any]) -> str:
    with pytest.raises(ValueError) as caught:
        srw_words.check(model, inputs)
    return str(caught.value)


@pytest.mark.parametrize("example", DECLARED.examples)
@pytest.mark.parametrize("model", DECLARED.models)
def test_every_model_takes_every_example(example: str, model: str, srw_inputs: Inputs) -> None:
    srw_words.check(model, srw_inputs(**DECLARED.examples[example].inputs))


def test_the_first_harmonic_is_that_of_the_undulator_equation(srw_inputs: Inputs) -> None:
    inputs = srw_inputs(energy=6.0, period=35.0, k=2.2)
    # X-ray Data Booklet, 2.1: E1 [keV] = 0.9496 E² [GeV] / (λu [cm] (1 + K²/2 + γ²θ²))
    assert srw_words.harmonic_energy(inputs) == pytest.approx(949.63 * 36 / (3.5 * (1 + 2.42)), rel=1e-4)
    gamma_theta = 6.0 / 0.51099895e-3 * 50e-6
    expected = 949.63 * 36 / (3.5 * (1 + 2.42 + gamma_theta**2))
    assert srw_words.harmonic_energy(inputs, 50e-6) == pytest.approx(expected, rel=1e-4)


def test_the_photon_energy_follows_the_undulator_unless_it_is_given(srw_inputs: Inputs) -> None:
    inputs = srw_inputs(k=2.0, period=25)
    assert inputs["photon_energy"] == pytest.approx(srw_words.harmonic_energy(inputs), rel=1e-5)
    assert srw_inputs(photon_energy="3*1000")["photon_energy"] == 3000


def test_the_critical_energy_is_the_textbooks(srw_inputs: Inputs) -> None:
    # X-ray Data Booklet, 2.1: 0.6650 E² [GeV] B [T] keV
    assert srw_words.critical_energy(srw_inputs(source="bend", energy=6.0, field=0.85)) == pytest.approx(
        665.0 * 36 * 0.85, rel=1e-3
    )


def test_a_wavelength_is_hc_over_the_energy() -> None:
    assert srw_words.wavelength(12398.42) == pytest.approx(1e-10, rel=1e-6)


def test_a_distance_inside_the_magnet_is_refused(srw_inputs: Inputs) -> None:
    said = refused("intensity", srw_inputs(distance=0.4))
    assert said.startswith("The distance of 0.4 m ends inside the magnet, which reaches 0.54 m from its middle")


def test_a_spectrum_that_ends_where_it_begins_is_refused(srw_inputs: Inputs) -> None:
    said = refused("spectrum", srw_inputs(photon_from=3000, photon_to=3000))
    assert said == "The spectrum goes from 3000 eV to 3000 eV: let it end above where it begins."
    srw_words.check("intensity", srw_inputs(photon_from=3000, photon_to=3000))


def test_a_spectrum_of_too_many_harmonics_is_told_where_to_end(srw_inputs: Inputs) -> None:
    inputs = srw_inputs(photon_to=1e6)
    said = refused("spectrum", inputs)
    assert "harmonic 497 of this undulator, and 200 are the most" in said
    end = float(said.split(" at ")[1].split(" eV")[0])
    assert end == pytest.approx(200 * srw_words.harmonic_energy(inputs), rel=1e-3)


@pytest.mark.parametrize(
    "model, given, what", [("spectrum", {"collect": "slit", "slit_x": 600}, "slit"), ("intensity", {"window_x": 600}, "window")]
)
def test_a_view_beyond_the_bending_magnets_fan_is_refused(
    model: str, given: dict[str, Any], what: str, srw_inputs: Inputs
) -> None:
    # 600 mm at 10 m are 30 mrad to a side; the magnet bends by 1 m / (2 × 8.34 m) = 60 mrad: that is in it
    srw_words.check(model, srw_inputs(source="bend", distance=10, **given))
    said = refused(model, srw_inputs(source="bend", distance=10, length=0.2, **given))
    assert said.startswith(f"The {what} takes light from ±30 mrad, and a magnet of 0.2 m bends by no more than ±12 mrad")


@pytest.mark.parametrize(
    "row, words",
    [
        ({"kind": "drift", "length": 0}, "Element 2 is a drift of 0 m: give it a length above 0."),
        ({"kind": "lens"}, "Element 2 is a lens without a focal length"),
        ({"kind": "circle"}, "Element 2 is a circular aperture of no diameter"),
        ({"kind": "rectangle", "width": 1}, "Element 2 is a rectangular aperture without a width or a height"),
    ],
)
def test_an_element_without_its_number_is_refused_by_its_place(row: dict[str, Any], words: str, srw_inputs: Inputs) -> None:
    inputs = srw_inputs(elements=[DRIFT, row])
    assert refused("beamline", inputs).startswith(words)
    assert refused("electrons", inputs).startswith(words)
    srw_words.check("spectrum", inputs)


def test_a_lens_may_spread_the_light(srw_inputs: Inputs) -> None:
    srw_words.check("beamline", srw_inputs(elements=[{"kind": "lens", "length": -2.0}]))


def test_everything_that_is_wrong_is_said_at_once(srw_inputs: Inputs) -> None:
    said = refused("beamline", srw_inputs(distance=0.2, elements=[{"kind": "lens"}, {"kind": "drift"}]))
    assert "distance" in said
    assert "Element 1" in said
    assert "Element 2" in said


def test_a_wavefront_that_would_fill_the_memory_is_refused(srw_inputs: Inputs) -> None:
    said = refused("beamline", srw_inputs(window_x=30, window_y=30))
    assert "8,000,000 in all are the most: make the window smaller" in said
    # without a beamline there is no wavefront to propagate
    srw_words.check("beamline", srw_inputs(window_x=30, window_y=30, elements=[]))


def test_a_picture_that_is_too_small_or_too_coarse_is_warned_of(srw_inputs: Inputs) -> None:
    inputs = srw_inputs()
    good = {"share": 0.95, "fwhm_x": 80.0, "fwhm_y": 40.0}
    assert srw_words.warnings(inputs, good, (5.0, 5.0)) == []
    assert srw_words.warnings(inputs, {**good, "share": 0.31}, (5.0, 5.0)) == [
        "The picture holds 31% of the light that arrives: make it wider to see the rest."
    ]
    (said,) = srw_words.warnings(inputs, good, (5.0, 12.0))
    assert said.startswith("The spot is 40 µm wide in y, and the wavefront's points lie 12 µm apart")


def test_an_aperture_that_cuts_nothing_is_warned_of_while_the_light_is_as_wide_as_the_window(srw_inputs: Inputs) -> None:
    wide = {"kind": "circle", "width": 2.5}
    (said,) = srw_words.idle_apertures(srw_inputs(elements=[wide]))
    assert said.startswith("Element 1, an aperture, is no smaller than the window")
    assert srw_words.idle_apertures(srw_inputs(elements=[DRIFT, wide])) == []
    assert srw_words.idle_apertures(srw_inputs(elements=[{"kind": "rectangle", "width": 2.5, "height": 1.0}])) == []


def test_a_beam_of_electrons_that_are_all_the_same_is_warned_of(srw_inputs: Inputs) -> None:
    assert srw_words.same_electrons(srw_inputs()) == []
    (said,) = srw_words.same_electrons(srw_inputs(emittance_x=0, emittance_y=0, energy_spread=0))
    assert "one would have been enough" in said


def test_a_slit_that_is_too_narrow_for_the_sum_over_harmonics_is_refused(srw_inputs: Inputs) -> None:
    # half of the cone √(λ / 2L) at 20 m, of 50 periods of 20 mm at 2011 eV: 0.2 mm
    said = refused("spectrum", srw_inputs(collect="slit", slit_y=0.19))
    assert said.startswith("The slit is narrower than 0.2 mm, about half of the light's cone")
    srw_words.check("spectrum", srw_inputs(collect="slit", slit_y=0.21))
    srw_words.check("spectrum", srw_inputs(collect="slit", slit_y=0.05, source="bend"))
