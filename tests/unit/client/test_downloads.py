"""Downloads: what broke off is taken up again, and nothing lands outside its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from simyard.client.files import confined, fetch
from simyard.client.http import Http
from simyard.errors import NotFound, ProtocolError, Unavailable
from tests.unit.client.small_server import Handler, Script, problem, serving

CONTENT = bytes(range(256)) * 40


def ranged(handler: Handler) -> None:
    start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    handler.raw(206 if start else 200, CONTENT[start:])


def broken_after(size: int) -> Script:
    def script(handler: Handler) -> None:
        start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(CONTENT) - start))
        handler.end_headers()
        handler.wfile.write(CONTENT[start : start + size])
        handler.wfile.flush()
        handler.hang_up()

    return script


def test_a_file_arrives_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    with serving(ranged) as server, Http(server.url, "") as http:
        assert fetch(http, "/f", tmp_path, "a/b.bin", len(CONTENT)).read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.bin"]


def test_a_download_that_breaks_off_goes_on_from_there(tmp_path: Path) -> None:
    with serving(broken_after(1000), broken_after(1000), ranged) as server, Http(server.url, "") as http:
        assert fetch(http, "/f", tmp_path, "f", len(CONTENT)).read_bytes() == CONTENT
        assert [one[2].get("Range") for one in server.asked] == [None, "bytes=1000-", "bytes=2000-"]


def test_what_an_earlier_command_left_is_taken_up(tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(CONTENT[:500])
    with serving(ranged) as server, Http(server.url, "") as http:
        assert fetch(http, "/f", tmp_path, "f", len(CONTENT)).read_bytes() == CONTENT
        assert server.asked[0][2]["Range"] == "bytes=500-"


def test_a_server_that_knows_no_ranges_sends_all_and_that_is_what_is_kept(tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(b"old old old")
    with serving(lambda handler: handler.raw(200, CONTENT)) as server, Http(server.url, "") as http:
        assert fetch(http, "/f", tmp_path, "f", len(CONTENT)).read_bytes() == CONTENT


def test_a_download_that_never_moves_is_given_up_and_says_where_its_beginning_is(tmp_path: Path) -> None:
    with (
        serving(broken_after(10), broken_after(0)) as server,
        Http(server.url, "", patience=0) as http,
        pytest.raises(Unavailable, match="goes on from there"),
    ):
        fetch(http, "/f", tmp_path, "f", len(CONTENT))
    assert (tmp_path / "f.part").stat().st_size == 10


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    with serving(lambda handler: handler.raw(200, b"")) as server, Http(server.url, "") as http:
        assert fetch(http, "/f", tmp_path, "f", 0).read_bytes() == b""


def test_a_refusal_is_not_repeated(tmp_path: Path) -> None:
    with serving(problem(404, "unknown-file", "No such file.")) as server, Http(server.url, "") as http:
        with pytest.raises(NotFound):
            fetch(http, "/f", tmp_path, "f", 5)
        assert len(server.asked) == 1


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "", "a\0b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProtocolError):
        confined(tmp_path, name)


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    with pytest.raises(ProtocolError, match="by a link"):
        confined(tmp_path / "in", "link/x")
