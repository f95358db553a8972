"""The code grayscott does the physics it says, writes what it tells of, and is the same for the same seed."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from simyard.codes.declaration import Declaration

TINY = {"size": 48, "steps": 200, "frames": 4, "spots": 3}


def ran(code: ModuleType, declared: Declaration, fake_run: Any, folder: Path, model: str = "evolve", **inputs: Any) -> Any:
    (folder / "work").mkdir(parents=True)
    run = fake_run(folder / "work", model, declared.check_inputs({**TINY, **inputs}))
    code.prepare(run)(run)
    run.exit_code = 0
    return run


def last(run: Any) -> np.ndarray[Any, Any]:
    frames = sorted(Path(run.dir, "frames").iterdir())
    loaded: np.ndarray[Any, Any] = np.load(frames[-1])
    return loaded


def test_the_numbers_that_a_preview_is_made_with_are_shown_as_they_are_bounded(
    grayscott_code: ModuleType, grayscott: Declaration, fake_run: Any, tmp_path: Path
) -> None:
    run = fake_run(tmp_path, "preview", grayscott.check_inputs({"size": 400, "frames": 9, "feed": 0.03}))
    lines = grayscott_code.show_input(run)["parameters"].splitlines()
    assert {"size = 96", "steps = 2500", "frames = 1", "feed = 0.03"} <= set(lines)


def test_progress_is_true_and_every_frame_is_there(
    grayscott_code: ModuleType, grayscott: Declaration, fake_run: Any, tmp_path: Path
) -> None:
    run = ran(grayscott_code, grayscott, fake_run, tmp_path)
    fractions = [told["fraction"] for told in run.told]
    assert fractions == sorted(fractions)
    assert run.told[-1] == {"fraction": 1.0, "frames": 4, "message": "step 200 of 200"}
    assert sorted(path.name for path in Path(run.dir, "frames").iterdir()) == [f"{n:05d}.npy" for n in range(4)]
    assert grayscott_code.finish(run)["results"]["frames"] == 4


def test_one_step_is_the_equation(grayscott_code: ModuleType) -> None:
    grid = grayscott_code.Grid(32, 4, 7)
    u, v = grid.u[1:-1, 1:-1].astype(float), grid.v[1:-1, 1:-1].astype(float)

    def laplace(field: Any) -> Any:
        return sum(np.roll(field, shift, axis) for shift in (1, -1) for axis in (0, 1)) - 4 * field

    grid.step(0.03, 0.06, 0.2, 0.1)
    np.testing.assert_allclose(grid.u[1:-1, 1:-1], u + 0.2 * laplace(u) - u * v * v + 0.03 * (1 - u), atol=1e-6)
    np.testing.assert_allclose(grid.v[1:-1, 1:-1], v + 0.1 * laplace(v) + u * v * v - 0.09 * v, atol=1e-6)


def test_without_feed_and_kill_nothing_is_made_or_lost(grayscott_code: ModuleType) -> None:
    grid = grayscott_code.Grid(300, 9, 1)  # more than one strip of rows
    assert len(grid.strips) > 1
    before = sum(grid.means())
    for _ in range(50):
        grid.step(0.0, 0.0, 0.2, 0.1)
    assert sum(grid.means()) == pytest.approx(before, abs=1e-5)


def test_the_same_seed_gives_the_same_picture_and_another_one_another(
    grayscott_code: ModuleType, grayscott: Declaration, fake_run: Any, tmp_path: Path
) -> None:
    one, two, other = (ran(grayscott_code, grayscott, fake_run, tmp_path / str(n), seed=seed) for n, seed in enumerate((5, 5, 6)))
    np.testing.assert_array_equal(last(one), last(two))
    assert not np.array_equal(last(one), last(other))


def test_the_patterns_of_the_examples_are_alive(
    grayscott_code: ModuleType, grayscott: Declaration, fake_run: Any, tmp_path: Path
) -> None:
    for name, example in grayscott.examples.items():
        chemistry = {key: value for key, value in example.inputs.items() if key in {"feed", "kill"}}
        run = ran(grayscott_code, grayscott, fake_run, tmp_path / name, size=64, steps=2500, **chemistry)
        assert last(run).max() > 0.2, name


def test_reports_are_figures_at_any_time(
    grayscott_code: ModuleType, grayscott: Declaration, fake_run: Any, tmp_path: Path
) -> None:
    run = ran(grayscott_code, grayscott, fake_run, tmp_path, size=600, steps=4)
    figure = grayscott_code.report(run, "field", 1)
    assert figure["layout"]["title"]["text"] == "Step 2 of 4"
    assert figure["data"][0]["z"].shape == (300, 300)
    assert grayscott_code.report(run, "field", -1)["layout"]["title"]["text"] == "Step 4 of 4"
    assert [trace["name"] for trace in grayscott_code.report(run, "mass", -1)["data"]] == ["u", "v"]
    with pytest.raises(ValueError, match="There is no frame 5 yet: 4 of 4"):
        grayscott_code.report(run, "field", 4)
    fresh = fake_run(tmp_path, "evolve", run.inputs)
    with pytest.raises(ValueError, match="There is no frame yet"):
        grayscott_code.report(fresh, "field", -1)


def test_the_preview_is_small_whatever_the_inputs(
    grayscott_code: ModuleType, grayscott: Declaration, fake_run: Any, tmp_path: Path
) -> None:
    run = ran(grayscott_code, grayscott, fake_run, tmp_path, model="preview", size=1024, steps=1000)
    assert last(run).shape == (96, 96)
    assert grayscott_code.report(run, "pattern", -1)["data"][0]["type"] == "heatmap"
