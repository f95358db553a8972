"""Order among simulations: folders, tags, and the bin."""

from __future__ import annotations

from typing import Any

import pytest

from simyard.errors import Unavailable
from simyard.web.tidying import KEPT, tidy
from tests.unit.web.conftest import Web


def problem(answer: Any) -> tuple[int, str]:
    assert answer.content_type == "application/problem+json", answer.data
    return answer.status_code, answer.json["code"]


def patch(web: Web, simulation: str, **changes: Any) -> Any:
    return web.client.patch(f"/api/v1/simulations/{simulation}", json=changes)


def delete(web: Web, simulation: str, query: str = "", **more: Any) -> Any:
    return web.client.delete(f"/api/v1/simulations/{simulation}{query}", **more)


def names(web: Web, query: str = "") -> list[str]:
    return [one["name"] for one in web.get(f"/simulations?{query}").json["items"]]


def test_a_simulation_has_a_folder_and_tags_that_are_put_in_order(web: Web) -> None:
    one = web.simulation(name="one")
    assert (one["folder"], one["tags"], one["deleted"]) == ("", [], None)
    web.now[0] += 60
    changed = patch(web, one["id"], folder=" /rings/ elena / ", tags=["b", " a ", "b"]).json
    assert (changed["folder"], changed["tags"]) == ("rings/elena", ["b", "a"])
    assert changed["etag"] != one["etag"]
    assert (changed["updated"], changed["revision"]) == (one["updated"], one["revision"])  # its content is as old as before
    assert patch(web, one["id"], folder="rings/elena").json == changed
    assert patch(web, one["id"], folder="", tags=[]).json["folder"] == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"folder": "a//b"},
        {"folder": "../etc"},
        {"folder": "a/./b"},
        {"folder": "a\nb"},
        {"folder": "/".join("abcdefghi")},
        {"folder": "x" * 81},
        {"tags": [""]},
        {"tags": ["x" * 41]},
        {"tags": ["a,b"]},
        {"tags": [str(n) for n in range(21)]},
        {"tags": ["a\tb"]},
        {"tags": "a"},
        {"folder": 1},
    ],
)
def test_a_folder_or_a_tag_that_cannot_be_is_refused_in_words(web: Web, changes: dict[str, Any]) -> None:
    one = web.simulation()
    answer = patch(web, one["id"], **changes)
    assert problem(answer) == (422, "invalid-request")
    assert next(iter(changes)) in answer.json["detail"]


def test_lists_are_of_a_folder_and_what_is_in_it_and_of_a_tag_to_the_letter(web: Web) -> None:
    for name, folder, tags in (
        ("a", "rings", ["old"]), ("b", "rings/elena", ["Old"]), ("c", "rings 2", ["old one"]), ("d", "", ['say "old"', "old"]),
    ):  # fmt: skip
        web.now[0] += 1
        web.simulation(name=name, folder=folder, tags=tags)
    assert names(web, "folder=rings") == ["b", "a"]
    assert names(web, "folder=rings/elena") == ["b"]
    assert names(web, "tag=old") == ["d", "a"]
    assert names(web, "tag=old&folder=rings") == ["a"]
    assert names(web, "tag=%25") == []


def test_a_brief_list_leaves_out_what_may_be_large(web: Web) -> None:
    one = web.simulation(inputs={"size": 64})
    (brief,) = web.get("/simulations?brief=true").json["items"]
    assert "inputs" not in brief
    assert "files" not in brief
    assert {**one, **brief} == one


def test_what_is_deleted_lies_in_the_bin_and_comes_back_as_it_was(web: Web) -> None:
    one = web.simulation(name="one", inputs={"size": 64}, folder="f", tags=["t"])
    assert delete(web, one["id"], headers={"If-Match": '"99"'}).status_code == 412
    assert delete(web, one["id"], headers={"If-Match": one["etag"]}).status_code == 204
    assert names(web) == []
    assert names(web, "deleted=true") == ["one"]
    binned = web.get(f"/simulations/{one['id']}").json
    assert binned["deleted"]
    assert (binned["inputs"], binned["folder"]) == (one["inputs"], "f")
    assert delete(web, one["id"]).status_code == 204  # it is there already
    back = web.post(f"/simulations/{one['id']}/restore").json
    assert {**back, "etag": "", "version": 0} == {**one, "etag": "", "version": 0}
    assert web.post(f"/simulations/{one['id']}/restore").json == back
    assert names(web, "deleted=true") == []


def test_what_lies_in_the_bin_reads_and_is_neither_changed_nor_run(web: Web) -> None:
    one = web.simulation(name="one")
    delete(web, one["id"])
    where = f"/api/v1/simulations/{one['id']}"
    refused = (409, "simulation-deleted")
    answer = patch(web, one["id"], name="two")
    assert problem(answer) == refused
    assert "restore it first" in answer.json["detail"]
    assert problem(patch(web, one["id"], folder="f")) == refused
    assert problem(web.client.put(f"{where}/files/a.txt", data=b"one")) == refused
    assert problem(web.post(f"/simulations/{one['id']}/runs", {"model": "evolve"})) == refused
    assert web.get(f"/simulations/{one['id']}/revisions").status_code == 200
    assert web.post(f"/simulations/{one['id']}/copy").json["deleted"] is None


def test_with_the_supervisor_away_it_can_be_put_into_the_bin_and_not_be_deleted_for_good(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = web.simulation()

    def away(question: Any) -> Any:
        raise Unavailable("supervisor-away", "The supervisor is away.")

    monkeypatch.setattr(web.supervisor, "answer", away)
    assert delete(web, one["id"], "?forever=true").status_code == 503
    assert delete(web, one["id"]).status_code == 204


def test_the_bin_is_swept_after_thirty_days(web: Web) -> None:
    sha256 = web.client.put("/api/v1/files/lib.txt", data=b"two").json["sha256"]
    old, live = web.simulation(name="old", files={"in.txt": sha256}), web.simulation(name="live")
    web.client.delete("/api/v1/files/lib.txt")
    delete(web, old["id"])
    web.now[0] += KEPT - 1
    young = web.simulation(name="young")
    delete(web, young["id"])
    assert tidy(web.services) == 0
    web.now[0] += 2
    assert tidy(web.services) == 1
    assert web.get(f"/simulations/{old['id']}").status_code == 404
    assert names(web, "deleted=true") == ["young"]
    assert names(web) == [live["name"]]
    assert not web.services.blobs("me").path(sha256).exists()
