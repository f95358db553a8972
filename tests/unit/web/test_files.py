"""Library files: written whole or not at all, served in parts."""

from __future__ import annotations

import hashlib
import resource
from pathlib import Path

import pytest

from tests.unit.web.conftest import LIMIT, Web
from tests.unit.web.test_simulations import problem


def on_disk(home: Path) -> list[Path]:
    return [path for path in (home / "users").rglob("*") if path.is_file()]


def test_a_file_comes_back_as_it_was_sent(web: Web, tmp_path: Path) -> None:
    data = bytes(range(256)) * 1000
    answer = web.client.put("/api/v1/files/ring.madx", data=data)
    assert answer.status_code == 201
    assert answer.headers["Location"] == "/api/v1/files/ring.madx"
    assert answer.json["sha256"] == hashlib.sha256(data).hexdigest()
    assert answer.json["size"] == len(data)
    got = web.get("/files/ring.madx")
    assert got.data == data
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert got.content_type == "application/octet-stream"
    (blob,) = on_disk(tmp_path)
    assert blob.stat().st_mode & 0o777 == 0o444


def test_a_second_content_replaces_the_first(web: Web) -> None:
    assert web.client.put("/api/v1/files/a", data=b"1").status_code == 201
    assert web.client.put("/api/v1/files/a", data=b"2").status_code == 200
    assert web.get("/files/a").data == b"2"
    assert [one["name"] for one in web.get("/files").json["items"]] == ["a"]


def test_an_empty_file_is_a_file(web: Web) -> None:
    assert web.client.put("/api/v1/files/empty").json["size"] == 0
    assert web.get("/files/empty").data == b""


@pytest.mark.parametrize(
    "wanted, status, part, where",
    [
        ("bytes=0-4", 206, b"01234", "bytes 0-4/10"),
        ("bytes=5-", 206, b"56789", "bytes 5-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=8-100", 206, b"89", "bytes 8-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
    ],
)
def test_a_part_of_a_file_is_what_the_range_says(
    web: Web, wanted: str, status: int, part: bytes | None, where: str | None
) -> None:
    web.client.put("/api/v1/files/digits", data=b"0123456789")
    answer = web.get("/files/digits", headers={"Range": wanted})
    assert answer.status_code == status
    assert answer.headers.get("Content-Range") == where
    if part is not None:
        assert answer.data == part


def test_a_range_of_an_older_content_is_all_of_the_new_one(web: Web) -> None:
    tag = web.client.put("/api/v1/files/a", data=b"0123456789").headers["ETag"]
    assert web.get("/files/a", headers={"Range": "bytes=0-1", "If-Range": tag}).status_code == 206
    web.client.put("/api/v1/files/a", data=b"abcdefghij")
    answer = web.get("/files/a", headers={"Range": "bytes=0-1", "If-Range": tag})
    assert (answer.status_code, answer.data) == (200, b"abcdefghij")


@pytest.mark.parametrize(
    "name", ["..", ".hidden", "-rf", "~root", "a%2Fb", "a%5Cb", "a%00b", "a%0Ab", "%20a", "x" * 201, "%EF%BF%BE"]
)
def test_a_name_that_is_none_is_refused(web: Web, name: str, tmp_path: Path) -> None:
    answer = web.client.put(f"/api/v1/files/{name}", data=b"x")
    assert answer.status_code in {404, 405, 422}
    assert on_disk(tmp_path) == []


def test_names_may_be_in_any_script(web: Web) -> None:
    answer = web.client.put("/api/v1/files/плотность 密度.txt", data=b"x")
    assert answer.status_code == 201
    assert web.client.get(answer.headers["Location"]).data == b"x"


def test_lists_of_files_come_in_pages_by_name(web: Web) -> None:
    for name in "cabed":
        web.client.put(f"/api/v1/files/{name}", data=name.encode())
    first = web.get("/files?limit=3").json
    rest = web.get(f"/files?limit=3&cursor={first['cursor']}").json
    assert [one["name"] for one in first["items"] + rest["items"]] == list("abcde")
    assert rest["cursor"] == ""


def test_what_is_too_large_leaves_nothing_behind(web: Web, tmp_path: Path) -> None:
    answer = web.client.put("/api/v1/files/large", data=b"x" * (LIMIT + 1))
    assert problem(answer) == (413, "too-large")
    assert answer.json["limit"] == LIMIT
    assert web.client.put("/api/v1/files/just", data=b"x" * LIMIT).status_code == 201
    assert len(on_disk(tmp_path)) == 1


def test_a_full_disk_is_said_and_leaves_nothing_behind(web: Web, tmp_path: Path) -> None:
    web.get("/files")  # the database has its pages
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        answer = web.client.put("/api/v1/files/large", data=b"x" * 600_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert problem(answer) == (507, "disk-full")
    assert on_disk(tmp_path) == []
    assert web.get("/files").json["items"] == []


def test_a_file_that_is_gone_is_gone(web: Web, tmp_path: Path) -> None:
    web.client.put("/api/v1/files/a", data=b"x")
    web.now[0] += 1e6
    assert web.client.delete("/api/v1/files/a").status_code == 204
    assert problem(web.get("/files/a")) == (404, "unknown-file")
    assert problem(web.client.delete("/api/v1/files/a")) == (404, "unknown-file")
    assert on_disk(tmp_path) == []
