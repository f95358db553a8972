"""SRW through the job cmd gives srwpy's own numbers, and what it computes of undulators and bending magnets is what textbooks say."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.madx_environment import Ran, Runs
from tests.srw_environment import Asked
from tests.system.srw_theory import Array, bend_on_axis, bend_over_height, undulator_peak

SMALL = {"periods": 12, "points": 31, "window_x": 1.0, "window_y": 1.0, "sampling": 0.6, "refine": 2.0}
IDEAL = {"emittance_x": 0, "emittance_y": 0, "energy_spread": 0}

#: srwpy by itself, as its own examples use it: the source of `SMALL`, and one electron.
DIRECT = """
from array import array
from srwpy.srwlib import *
beam = SRWLPartBeam()
beam.from_Twiss(_Iavg=0.5, _e=3.0, _sig_e=1e-3, _emit_x=0.55e-9, _beta_x=2.0, _emit_y=8e-12, _beta_y=1.0)
beam.drift(-0.5 * 0.02 * 16)
und = SRWLMagFldU([SRWLMagFldH(1, "v", 1.0, 0, 1, 1)], 0.02, 12)
und.arHarm[0].B = 1.5 / und.get_K()
field = SRWLMagFldC([und], array("d", [0]), array("d", [0]), array("d", [0]))
def wave(e0, e1, ne, half, n, factor):
    w = SRWLWfr()
    w.allocate(ne, n, n)
    m = w.mesh
    m.zStart, m.eStart, m.eFin, m.xStart, m.xFin, m.yStart, m.yFin = 20.0, e0, e1, -half, half, -half, half
    w.partBeam = beam
    srwl.CalcElecFieldSR(w, 0, field, [1, 0.01, 0, 0, 20000, 1, factor])
    return w
def read(w, kind, over):
    m = w.mesh
    out = array("f", [0] * (m.ne if over == 0 else m.nx * m.ny))
    srwl.CalcIntFromElecField(out, w, 6, kind, over, m.eStart, 0, 0)
    return list(out)
"""


def curve(ran: Ran) -> dict[str, Array]:
    """The columns of the spectrum that a run has written."""
    path = ran.work / "spectrum.csv"
    names = path.read_text().splitlines()[0].split(",")
    return dict(zip(names, np.loadtxt(path, delimiter=",", skiprows=1).T, strict=True))


def picture(ran: Ran) -> tuple[Array, Array, Array]:
    with np.load(ran.work / "simyard" / "intensity.npz") as kept:
        return kept["x"], kept["y"], kept["intensity"]


def completed(ran: Ran) -> Ran:
    assert ran.final["state"] == "completed", ran.final
    return ran


def test_a_spectrum_is_srwpys_own_and_comes_with_its_report(srw_python: Path, run_code: Runs, ask_srw: Asked) -> None:
    given = {**SMALL, "photon_from": 1500.0, "photon_to": 7000.0, "photon_points": 200}
    ran = completed(run_code(srw_python, "srw", "spectrum", given))
    found = curve(ran)
    direct = ask_srw(DIRECT + "print(json.dumps(read(wave(1500.0, 7000.0, 200, 0.0, 1, 0), 0, 0)))")
    np.testing.assert_allclose(found["one"], direct, rtol=1e-6)
    np.testing.assert_allclose(found["photon_energy_eV"], np.linspace(1500, 7000, 200))
    assert ran.final["report"] == "spectrum"
    figure = ran.report("spectrum")
    assert [trace["name"] for trace in figure["data"]] == ["one electron", "whole beam"]
    drawn = np.frombuffer(base64.b64decode(figure["data"][0]["y"]["bdata"]), "<f4")
    np.testing.assert_allclose(drawn, direct, rtol=1e-5)
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["1", "3"]


def test_an_intensity_is_srwpys_own(srw_python: Path, run_code: Runs, ask_srw: Asked) -> None:
    ran = completed(run_code(srw_python, "srw", "intensity", {**SMALL, "photon_energy": 2000}, reports=[("cuts", -1)]))
    direct = ask_srw(DIRECT + "print(json.dumps(read(wave(2000.0, 2000.0, 1, 0.5e-3, 31, 0), 1, 3)))")
    np.testing.assert_allclose(picture(ran)[2].ravel(), direct, rtol=1e-6)
    assert ran.final["results"]["peak_density"] == pytest.approx(max(direct), rel=1e-6)
    assert ran.report("cuts")["layout"]["xaxis"]["title"]["text"] == "x, y [µm]"


def test_a_beamline_is_srwpys_own(srw_python: Path, run_code: Runs, ask_srw: Asked) -> None:
    ran = completed(run_code(srw_python, "srw", "beamline", {**SMALL, "photon_energy": 2000}))
    lines = """
w = wave(2000.0, 2000.0, 1, 0.5e-3, 10, 0.6)
srwl.PropagElecField(w, SRWLOptC(
    [SRWLOptA("c", "a", 0.4e-3, 0.4e-3), SRWLOptL(10.0, 10.0), SRWLOptD(20.0)],
    [[0, 0, 1.0, 0, 0, 1.0, 2.0, 1.0, 2.0], [0, 0, 1.0, 0, 0, 1.0, 1.0, 1.0, 1.0], [0, 0, 1.0, 1, 0, 1.0, 1.0, 1.0, 1.0]]))
m = w.mesh
print(json.dumps([m.xStart, m.xFin, m.nx, m.yStart, m.yFin, m.ny, read(w, 1, 3)]))
"""
    x0, x1, nx, y0, y1, ny, values = ask_srw(DIRECT + lines)
    table = np.array(values).reshape(ny, nx)
    x, y, found = picture(ran)
    # the picture is the propagated intensity between its own points, linearly
    along_x = np.array([np.interp(x, np.linspace(x0, x1, nx), row) for row in table])
    direct = np.array([np.interp(y, np.linspace(y0, y1, ny), column) for column in along_x.T]).T
    np.testing.assert_allclose(found, direct, rtol=1e-5, atol=1e-6 * found.max())


def test_the_flux_of_an_undulators_harmonics_is_the_textbooks(srw_python: Path, run_code: Runs) -> None:
    ran = completed(run_code(srw_python, "srw", "spectrum", {**IDEAL, "photon_points": 2000}))
    results, found = ran.final["results"], curve(ran)
    first = 949.63 * 9 / (2.0 * (1 + 1.5**2 / 2))
    assert results["harmonic_energy"] == pytest.approx(first, rel=1e-4)
    for harmonic in (1, 3, 5):
        near = abs(found["photon_energy_eV"] / (harmonic * first) - 1) < 0.05
        expected = undulator_peak(harmonic, 50, 1.5, 3.0, 0.5)
        # the mean over the middle of the cone; then one electron, where the two weak periods at SRW's ends shine along
        assert found["whole"][near].max() * 20**2 == pytest.approx(expected, rel=0.05)
        assert found["one"][near].max() * 20**2 == pytest.approx(expected, rel=0.06)
        # the peak is at the harmonic, within a fraction of its width 1/(n N)
        assert found["photon_energy_eV"][near][found["one"][near].argmax()] == pytest.approx(
            harmonic * first, rel=0.25 / (harmonic * 50)
        )


def test_the_flux_in_the_central_cone_is_the_textbooks(srw_python: Path, run_code: Runs) -> None:
    # at the harmonic itself, through a slit much wider than its cone: half of 1.431e14 N Q_n I (Kim, 1989)
    first = 949.63 * 9 / (2.0 * (1 + 1.5**2 / 2))
    slit = {
        "collect": "slit",
        "slit_x": 3.0,
        "slit_y": 3.0,
        "photon_from": first * 0.999,
        "photon_to": first * 1.001,
        "photon_points": 5,
    }
    ran = completed(run_code(srw_python, "srw", "spectrum", {**IDEAL, **slit, "periods": 100}))
    q1 = undulator_peak(1, 100, 1.5, 3.0, 0.5) / (1.744e14 * 100**2 * 9 * 0.5) * (1 + 1.5**2 / 2)
    assert curve(ran)["whole"][2] == pytest.approx(1.431e14 * 100 * q1 * 0.5 / 2, rel=0.05)


def test_off_the_axis_the_wavelength_grows_with_the_square_of_the_angle(srw_python: Path, run_code: Runs) -> None:
    # λ = λu / (2 γ²) (1 + K²/2 + γ²θ²): light below the first harmonic is a ring of this angle
    theta, k = 40e-6, 1.5
    gamma = 3.0 / 0.51099895e-3
    energy = 949.63 * 9 / (2.0 * (1 + k**2 / 2 + (gamma * theta) ** 2))
    given = {
        "periods": 100,
        "beam": "one",
        "photon_energy": energy,
        "points": 121,
        "window_x": 4.0,
        "window_y": 4.0,
        "distance": 30.0,
    }
    x, y, values = picture(completed(run_code(srw_python, "srw", "intensity", given)))
    brightest_y = abs(y[values[:, 60].argmax()])
    brightest_x = abs(x[values[60].argmax()])
    assert brightest_y / 30 == pytest.approx(theta, rel=0.04)
    assert brightest_x / 30 == pytest.approx(theta, rel=0.04)
    assert values[60, 60] < 0.05 * values.max()


def test_a_bending_magnets_spectrum_has_the_shape_and_height_of_the_textbooks(srw_python: Path, run_code: Runs) -> None:
    given = {"source": "bend", "photon_from": 100.0, "photon_to": 50_000.0, "photon_points": 200}
    ran = completed(run_code(srw_python, "srw", "spectrum", given))
    results, found = ran.final["results"], curve(ran)
    assert results["critical_energy"] == pytest.approx(665.0 * 9 * 1.2, rel=1e-3)
    energies = found["photon_energy_eV"]
    expected = bend_on_axis(energies, results["critical_energy"], 3.0, 0.5)
    np.testing.assert_allclose(found["one"] * 20**2, expected, rtol=0.015)
    # H2 is largest at 0.83 of the critical energy
    assert results["peak_energy"] / results["critical_energy"] == pytest.approx(0.83, abs=0.03)


def test_a_bending_magnets_flux_through_a_high_slit_is_that_over_all_heights(srw_python: Path, run_code: Runs) -> None:
    given = {
        "source": "bend", "collect": "slit", "slit_x": 2.0, "slit_y": 20.0, "photon_from": 1000.0, "photon_to": 30_000.0, "photon_points": 8,
    }  # fmt: skip
    ran = completed(run_code(srw_python, "srw", "spectrum", given))
    found = curve(ran)
    expected = bend_over_height(found["photon_energy_eV"], ran.final["results"]["critical_energy"], 3.0, 0.5)
    # 2 mm at 20 m are 0.1 mrad; at 1 keV a little of the light is above the slit
    np.testing.assert_allclose(found["one"], expected * 0.1, rtol=0.02)


@pytest.mark.parametrize(
    "aperture, factor", [({"kind": "circle", "width": 0.3}, 1.029), ({"kind": "rectangle", "width": 0.3, "height": 0.3}, 0.886)]
)
def test_a_spot_behind_an_aperture_and_a_lens_is_as_wide_as_diffraction_makes_it(
    aperture: dict[str, Any], factor: float, srw_python: Path, run_code: Runs
) -> None:
    given = {"beam": "one", "sampling": 1.0, "window_x": 1.2, "window_y": 1.2, "points": 121, "picture_x": 200, "picture_y": 200}
    line = [aperture, {"kind": "lens", "length": 10.0}, {"kind": "drift", "length": 20.0}]
    results = completed(run_code(srw_python, "srw", "beamline", {**given, "elements": line})).final["results"]
    expected = factor * results["wavelength"] * 1e-9 * 20 / 0.3e-3 * 1e6
    assert results["fwhm_x"] == pytest.approx(expected, rel=0.03)
    assert results["fwhm_y"] == pytest.approx(expected, rel=0.03)


def test_a_drift_alone_is_the_same_as_a_longer_distance(srw_python: Path, run_code: Runs) -> None:
    far = {**SMALL, "beam": "one", "distance": 25.0, "points": 41}
    line = {"sampling": 2.0, "elements": [{"kind": "drift", "length": 5.0}], "picture_x": 600, "picture_y": 600, "refine": 1.0}
    drifted = picture(
        completed(run_code(srw_python, "srw", "beamline", {**far, **line, "distance": 20.0, "window_x": 2, "window_y": 2}))
    )
    direct = picture(completed(run_code(srw_python, "srw", "intensity", {**far, "window_x": 0.6, "window_y": 0.6})))
    np.testing.assert_allclose(drifted[2], direct[2], rtol=0.03)


@pytest.mark.parametrize(
    "model, given, words",
    [
        ("spectrum", {"photon_from": 9000.0, "photon_to": 8000.0}, "let it end above where it begins"),
        ("beamline", {"elements": [{"kind": "lens"}]}, "Element 1 is a lens without a focal length"),
        ("electrons", {"window_x": 100.0, "window_y": 100.0}, "make the window smaller"),
    ],
)
def test_input_that_makes_no_sense_fails_in_words(
    model: str, given: dict[str, Any], words: str, srw_python: Path, run_code: Runs
) -> None:
    final = run_code(srw_python, "srw", model, given).final
    assert (final["state"], final["cause"]) == ("failed", "input")
    assert words in final["reason"]


def test_a_coarse_picture_is_completed_with_a_warning(srw_python: Path, run_code: Runs) -> None:
    ran = completed(run_code(srw_python, "srw", "beamline", {**SMALL, "picture_x": 20, "picture_y": 20}))
    assert any("of the light that arrives: make it wider" in one for one in ran.final["warnings"]), ran.final
    assert math.isfinite(ran.final["results"]["peak_density"])
