"""Where particles start, and the tunes of a motion that is known; pictures of what was tracked. Nothing here needs Xsuite."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simyard.codes import code_toml

# a code's modules have no annotations
xsuite_beam: Any = import_module("xsuite_beam")
xsuite_optics: Any = import_module("xsuite_optics")
xsuite_pictures: Any = import_module("xsuite_pictures")

FOLDER = Path(__file__).parents[3] / "src" / "simyard" / "codes" / "xsuite"
OPTICS = {"betx": 18.0, "alfx": -1.2, "bety": 6.0, "alfy": 0.7, "dx": 2.5, "dpx": 0.1, "dy": 0.0, "dpy": 0.0}


def inputs(**values: Any) -> dict[str, Any]:
    return code_toml.read(FOLDER).check_inputs(values)


def test_a_gaussian_beam_has_the_emittances_and_the_dispersion_that_it_was_given() -> None:
    given = inputs(particles=100_000, emittance_x=2.0, emittance_y=0.5, momentum_spread=0.1, momentum_offset=0.3)
    start = xsuite_beam.start(given, OPTICS)
    assert start["delta"].mean() == pytest.approx(0.003, abs=2e-5)
    assert start["delta"].std() == pytest.approx(0.001, rel=0.01)
    x, px = start["x"] - OPTICS["dx"] * start["delta"], start["px"] - OPTICS["dpx"] * start["delta"]
    for position, momentum, plane, emittance in ((x, px, "x", 2e-6), (start["y"], start["py"], "y", 0.5e-6)):
        invariant = xsuite_beam.invariant(position, momentum, OPTICS["bet" + plane], OPTICS["alf" + plane])
        assert invariant.mean() / 2 == pytest.approx(emittance, rel=0.02)
        assert np.sqrt(np.linalg.det(np.cov(position, momentum))) == pytest.approx(emittance, rel=0.02)


def test_the_same_seed_gives_the_same_particles_and_another_one_others() -> None:
    one, same, other = (xsuite_beam.start(inputs(seed=seed), OPTICS)["x"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_lines_and_grids_reach_the_largest_amplitudes_and_leave_out_the_orbit() -> None:
    line = xsuite_beam.start(inputs(distribution="line", particles=4, amplitude_x=8.0, amplitude_y=4.0), OPTICS)
    np.testing.assert_allclose(line["x"], [0.002, 0.004, 0.006, 0.008])
    np.testing.assert_allclose(line["y"], line["x"] / 2)
    grid = xsuite_beam.start(inputs(distribution="grid", particles=8, amplitude_x=9.0, amplitude_y=3.0), OPTICS)
    np.testing.assert_allclose(grid["x"] * 1e3, [3, 6, 9, 3, 6, 9, 3, 6])
    np.testing.assert_allclose(grid["y"] * 1e3, [1, 1, 1, 2, 2, 2, 3, 3])


@pytest.mark.parametrize("tune", [0.1234, 0.5, 0.28, 0.7333, 0.99])
def test_the_tune_of_a_rotation_is_found_to_the_square_of_the_number_of_turns(tune: float) -> None:
    angle = 2 * np.pi * tune * np.arange(512) + 0.4
    # clockwise in normalised coordinates, around a point that is not the origin
    found = xsuite_beam.tunes(3 * np.cos(angle)[None] + 0.2, -3 * np.sin(angle)[None])
    assert found[0] == pytest.approx(tune, abs=1 / 512**2)


def test_a_particle_at_rest_has_no_tune() -> None:
    assert np.isnan(xsuite_beam.tunes(np.zeros((1, 64)), np.zeros((1, 64)))[0])


def test_the_invariant_of_a_matched_ellipse_is_the_same_all_around() -> None:
    phase = np.linspace(0, 6, 50)
    position, momentum = xsuite_beam.matched(np.cos(phase), np.sin(phase), 2e-6, 18.0, -1.2)
    np.testing.assert_allclose(xsuite_beam.invariant(position, momentum, 18.0, -1.2), 2e-6, rtol=1e-12)


@pytest.fixture
def tracked(tmp_path: Path, fake_run: Any) -> Any:
    """What a run of 3 particles and 20 turns has left in its middle, where one was lost in turn 7 and one in turn 15."""
    run = fake_run(tmp_path, "track", inputs(particles=3, turns=20, frames=2))
    folder = tmp_path / "simyard"
    (folder / "frames").mkdir(parents=True)
    for number in range(2):
        points = np.array([[0, 10 * number, 1e-3, 1e-4, 2e-3, 0, 0.1, 1e-3]], np.float32)
        np.save(folder / "frames" / f"{number:05d}.npy", points)
    (folder / "losses.csv").write_text("particle,turn,s,element,x,y\n2,7,3.5,qf,0.06,0\n1,15,9.5,qd,0.06,0\n1,16")
    (folder / "survivors.csv").write_text("turn,survivors\n0,3\n10,2\n20,1\n")
    (folder / "tunes.csv").write_text(
        "particle,tune_x,tune_y,action_x,action_y\n0,0.73,0.33,2,1\n1,0.731,0.334,3,1\n2,nan,0.3,0,1\n"
    )
    kept = np.zeros(2, [("name", "U4"), ("kind", "U12"), *((one, float) for one in xsuite_optics.NUMBERS)])
    kept["s"], kept["kind"], kept["k1l"] = [0.0, 10.0], "Quadrupole", [0.1, 0.0]
    np.save(folder / "optics.npy", kept)
    return run


def test_losses_are_shown_up_to_the_turns_of_the_frame(tracked: Any) -> None:
    first, second = (xsuite_pictures.losses(tracked, frame) for frame in (0, 1))
    assert first["layout"]["title"]["text"] == "1 of 3 particles lost up to turn 10"
    assert first["data"][0]["y"].tolist() == [7]
    assert second["layout"]["title"]["text"] == "2 of 3 particles lost up to turn 20"
    assert second["data"][0]["x"].tolist() == [3.5, 9.5]
    assert second["data"][0]["text"][1] == "particle 1 at qd, x 60.00 mm, y 0.00 mm"
    assert first["layout"]["yaxis"] == second["layout"]["yaxis"]


def test_survival_and_phase_space_say_who_is_left(tracked: Any) -> None:
    figure = xsuite_pictures.survival(tracked)
    assert figure["layout"]["title"]["text"] == "1 of 3 particles alive after 20 turns"
    assert figure["data"][0]["customdata"].tolist() == [3, 2, 1, 1]
    assert (
        xsuite_pictures.phase_space(tracked, 0)["layout"]["title"]["text"] == "Phase space up to turn 10 · 2 of 3 particles alive"
    )
    assert (
        xsuite_pictures.phase_space(tracked, -1)["layout"]["title"]["text"]
        == "Phase space up to turn 20 · 1 of 3 particles alive"
    )


def test_the_footprint_has_the_particles_with_tunes_and_the_resonances_around_them(tracked: Any) -> None:
    figure = xsuite_pictures.footprint(tracked)
    assert figure["data"][-1]["x"].tolist() == [0.73, 0.731]
    names = [trace["name"] for trace in figure["data"][:-1]]
    assert "3 Q<sub>y</sub> = 1" in names
    assert xsuite_pictures.resonance(1, -2, 0) == "Q<sub>x</sub> − 2 Q<sub>y</sub> = 0"
    assert not any("= 5" in name for name in names)


def test_what_is_not_there_yet_is_said_so(tmp_path: Path, fake_run: Any) -> None:
    run = fake_run(tmp_path, "track", inputs())
    asked: list[tuple[Callable[[], Any], str]] = [
        (lambda: xsuite_pictures.phase_space(run, 0), "no frame yet"),
        (lambda: xsuite_pictures.losses(run, -1), "no frame yet"),
        (lambda: xsuite_pictures.survival(run), "no turn yet"),
        (lambda: xsuite_pictures.footprint(run), "first 512 turns"),
        (lambda: xsuite_optics.load(run.dir), "no optics to draw yet"),
    ]
    for draw, words in asked:
        with pytest.raises(ValueError, match=words):
            draw()
