"""What a run leaves: handed on in parts, as one zip, as it grows."""

from __future__ import annotations

import io
import zipfile
from urllib.parse import quote, unquote

import pytest

from simyard.protocol import asking
from tests.unit.web.conftest import Web
from tests.unit.web.test_simulations import problem


@pytest.fixture
def run(web: Web) -> str:
    """A run that left a log of ten bytes, two files and two reports."""
    found: str = web.run(web.simulation()["id"])["id"]
    web.supervisor.start(found)
    web.supervisor.logs[found] = bytearray(b"0123456789")
    web.supervisor.files[found] = {"run.log": b"0123456789", "work/a b.dat": bytes(100_000), "work/ü": b"x"}
    web.supervisor.reports[found, "mass", -1] = b'{"data": [], "layout": {}}'
    web.supervisor.reports[found, "field", 7] = b'{"data": [7], "layout": {}}'
    return found


def test_a_log_is_text_whatever_is_in_it(web: Web, run: str) -> None:
    answer = web.get(f"/runs/{run}/log")
    assert (answer.status_code, answer.data) == (200, b"0123456789")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.content_length == 10
    assert web.get(f"/runs/{run}/log?offset=4").data == b"456789"


@pytest.mark.parametrize(
    "wanted, status, part, where",
    [
        ("bytes=0-4", 206, b"01234", "bytes 0-4/*"),
        ("bytes=5-", 206, b"56789", "bytes 5-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-30", 200, b"0123456789", None),
        ("bytes=8-100", 206, b"89", "bytes 8-9/10"),
        ("bytes=0-9", 206, b"0123456789", "bytes 0-9/*"),
        ("bytes=10-", 416, None, None),
        ("bytes=-0", 416, None, None),
        ("bytes=4-2", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=0-1", 200, b"0123456789", None),
        ("bytes=", 200, b"0123456789", None),
    ],
)
def test_a_part_of_a_log_is_what_the_range_says(
    web: Web, run: str, wanted: str, status: int, part: bytes | None, where: str | None
) -> None:
    for path in ("log", "files/run.log"):
        answer = web.get(f"/runs/{run}/{path}", headers={"Range": wanted})
        assert answer.status_code == status
        if part is not None:
            assert answer.data == part
            assert answer.headers.get("Content-Range") == where


def test_a_followed_log_ends_with_its_run(web: Web, run: str) -> None:
    web.supervisor.complete(run)
    answer = web.get(f"/runs/{run}/log?follow=1&offset=8")
    assert answer.data == b"89"
    assert answer.content_length is None


def test_files_are_listed_and_downloaded(web: Web, run: str) -> None:
    found = web.get(f"/runs/{run}/files").json
    assert [(one["path"], one["size"]) for one in found["items"]] == [("run.log", 10), ("work/a b.dat", 100_000), ("work/ü", 1)]
    assert all(one["modified"].endswith("Z") for one in found["items"])
    answer = web.get(f"/runs/{run}/files/work/a%20b.dat")
    assert answer.data == bytes(100_000)
    assert answer.headers["Content-Disposition"] == "attachment; filename=\"a_b.dat\"; filename*=UTF-8''a%20b.dat"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert problem(web.get(f"/runs/{run}/files/nothing")) == (404, "unknown-file")


@pytest.mark.parametrize("path", ["../run.json", "work/../../x", "/etc/passwd", "a//b", "%00", "a%0Ab", "./a", "work/"])
def test_paths_that_lead_elsewhere_are_not_asked_for(web: Web, run: str, path: str) -> None:
    assert problem(web.get(f"/runs/{run}/files/{path}"))[0] == 404
    assert not any(isinstance(one, asking.RunFile) for one in web.supervisor.asked)


@pytest.mark.parametrize(
    "name", ["a b#c?.dat", "100%.txt", "ü.txt", "<img src=x>", "abc\u202egpj.txt", "a\u3000b", "'; x=y", "x" * 255]
)
def test_a_file_of_any_name_is_a_download_under_its_name(web: Web, run: str, name: str) -> None:
    web.supervisor.files[run] = {f"work/{name}": b"odd"}
    answer = web.get(f"/runs/{run}/files/work/{quote(name)}")
    assert (answer.status_code, answer.data) == (200, b"odd")
    told = answer.headers["Content-Disposition"]
    assert told.startswith("attachment; ")
    assert told.isascii()
    exact = told.partition("filename*=UTF-8''")[2] or told.partition("filename=")[2].strip('"')
    assert unquote(exact) == name
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_a_bundle_is_all_files_as_one_zip(web: Web, run: str) -> None:
    answer = web.get(f"/runs/{run}/bundle")
    assert answer.content_type == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as bundle:
        assert bundle.testzip() is None
        assert {one.filename: bundle.read(one) for one in bundle.infolist()} == {
            f"{run}/{path}": data for path, data in web.supervisor.files[run].items()
        }


def test_a_transfer_that_breaks_off_is_not_taken_for_whole(web: Web, run: str) -> None:
    web.supervisor.broken_off.add(run)
    with pytest.raises(OSError, match="broken off"):
        web.get(f"/runs/{run}/files/work/a%20b.dat")


def test_reports_and_frames_are_figures(web: Web, run: str) -> None:
    assert web.get(f"/runs/{run}/reports/mass").json == {"data": [], "layout": {}}
    assert web.get(f"/runs/{run}/reports/field?frame=7").json["data"] == [7]
    assert problem(web.get(f"/runs/{run}/reports/nothing")) == (404, "unknown-report")
    assert problem(web.get(f"/runs/{run}/reports/No"))[0] == 404
    assert problem(web.get(f"/runs/{run}/reports/field?frame=x")) == (422, "invalid-request")


def test_metrics_count_what_was_done(web: Web, run: str) -> None:
    web.client.open("/api/v1/codes", method="ODD")
    text = web.stranger.get("/metrics").text
    assert 'endpoint="runs.run_start",status="202"} 1' in text
    assert "ODD" not in text
    assert "# /metrics of the fake supervisor" in text
