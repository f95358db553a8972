"""Where a run goes when nobody says where: what the configuration names, else the first target that is not switched off."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import gevent
import pytest

from simyard.config import Config, ConfigError, TargetConfig, from_settings
from simyard.protocol import asking
from simyard.supervisor.app import _places
from tests.unit.web.conftest import Web
from tests.unit.web.test_runs import asked

BOX = {"kind": "docker"}
OFF = {"enabled": False}


def config(**settings: Any) -> Config:
    return from_settings(Path("/home"), settings, "simyard.toml")


@pytest.mark.parametrize(
    "settings, chosen",
    [
        ({}, "local"),
        ({"targets": {"box": BOX}}, "local"),
        ({"targets": {"box": BOX, "local": OFF}}, "box"),
        ({"targets": {"old": {**BOX, **OFF}, "box": BOX, "local": OFF}}, "box"),
        ({"targets": {"box": BOX}, "default_target": "box"}, "box"),
        ({"targets": {"local": OFF}}, "local"),
    ],
)
def test_a_run_goes_to_the_target_that_is_named_else_to_the_first_that_is_switched_on(settings: Any, chosen: str) -> None:
    assert config(**settings).default_target == chosen


@pytest.mark.parametrize("named", ["mars", 3, ["box"]])
def test_a_default_that_is_no_target_is_refused(named: Any) -> None:
    with pytest.raises(ConfigError, match="default_target must be one of local, box"):
        config(targets={"box": BOX}, default_target=named)


def test_the_supervisor_names_it_first(tmp_path: Path) -> None:
    found = _places(config(targets={"a": BOX, "box": BOX}, default_target="box"), {})
    assert [place.name for place in found] == ["box", "local", "a"]


def on_box(web: Web) -> None:
    targets = {"local": TargetConfig(enabled=False), "box": TargetConfig(kind="docker")}
    web.services.config = dataclasses.replace(web.services.config, targets=targets, default_target="box")


def test_web_asks_for_it_and_has_an_agent_made_ready_there(web: Web) -> None:
    on_box(web)
    simulation = web.simulation()["id"]
    web.post(f"/simulations/{simulation}/runs", {"model": "evolve"})
    assert asked(web, asking.RunSimulation).target == "box"
    web.post(f"/simulations/{simulation}/input", {"model": "evolve"})
    assert asked(web, asking.ShowInput).target == "box"
    for _ in range(3):
        gevent.sleep(0)  # an arrival is told beside the request
    assert asked(web, asking.Arrive).target == "box"
    web.post(f"/simulations/{simulation}/runs", {"model": "evolve", "target": "local"})
    assert asked(web, asking.RunSimulation).target == "local"


def test_a_code_in_the_image_of_containers_need_not_be_installed_here(web: Web) -> None:
    assert web.get("/codes/madx").json["installed"] is False
    on_box(web)
    assert web.get("/codes/madx").json["installed"] is True
