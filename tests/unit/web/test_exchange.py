"""A simulation leaves as a zip and comes back from it; what comes in is foreign, and refused in words."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from typing import Any

import pytest

from simyard.web.exchange import file_name
from tests.unit.web.conftest import LIMIT, Web


def export(web: Web, simulation: str) -> bytes:
    answer = web.get(f"/simulations/{simulation}/export")
    assert (answer.status_code, answer.content_type) == (200, "application/zip")
    data: bytes = answer.data
    return data


def take(web: Web, data: bytes) -> Any:
    return web.client.post("/api/v1/simulations/import", data=data)


def refused(web: Web, data: bytes, status: int, code: str) -> str:
    """The words of the refusal; nothing was made, and nothing was kept."""
    answer = take(web, data)
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.json
    assert web.get("/simulations").json["items"] == []
    assert [path for path in web.services.config.user_dir("me").rglob("*") if path.is_file()] == []
    words: str = answer.json["detail"]
    return words


def about(**changes: Any) -> bytes:
    plain = {"format": "simyard-simulation", "version": 1, "name": "n", "code": "grayscott", "inputs": {}, "files": {}}
    return json.dumps({**plain, **changes}).encode()


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, data in entries.items():
            made.writestr(name, data)
    return out.getvalue()


def ref(data: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def test_what_was_exported_comes_back_the_same(web: Web) -> None:
    content = bytes(range(256)) * 2000
    sha256 = web.client.put("/api/v1/files/x", data=content).json["sha256"]
    one = web.simulation(
        name="Ring “ü” /1", inputs={"size": 64}, files={"a ü.bin": sha256, "b": sha256}, folder="f/g", tags=["t"]
    )
    data = export(web, one["id"])
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        assert sorted(made.namelist()) == ["files/a ü.bin", "files/b", "simulation.json"]
        assert made.read("files/b") == content
        assert json.loads(made.read("simulation.json"))["inputs"] == one["inputs"]
    answer = take(web, data)
    assert answer.status_code == 201
    assert answer.headers["Location"] == answer.json["links"]["self"]
    own = {"id": "", "links": "", "created": "", "updated": ""}
    assert {**answer.json, **own} == {**one, **own}


def test_an_export_is_called_as_the_simulation_is(web: Web) -> None:
    one = web.simulation(name='a/b "c" ü')
    said = web.get(f"/simulations/{one['id']}/export").headers["Content-Disposition"]
    assert "filename*=UTF-8''a_b%20_c_%20%C3%BC.zip" in said
    assert [file_name(name) for name in ("...", "CON: x", "x" * 300)] == ["simulation", "CON_ x", "x" * 120]


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"not a zip at all", b"\0" * 1000, zipped({"simulation.json": about()})[:-30]],
    # a zip holds the time at which it was made: each worker would call the test otherwise
    ids=["empty", "begun", "text", "zeros", "cut off"],
)
def test_what_is_no_zip_is_refused(web: Web, data: bytes) -> None:
    assert "cannot be read" in refused(web, data, 422, "not-a-zip")


@pytest.mark.parametrize(
    "entries, words",
    [
        ({}, "has no simulation.json"),
        ({"readme.txt": b""}, "'readme.txt'"),
        ({"simulation.json": b"[]"}, "must be a JSON object"),
        ({"simulation.json": b"{"}, "is not JSON"),
        ({"simulation.json": about(format="x")}, "reads 'simyard-simulation'"),
        ({"simulation.json": about(version=2)}, "version 2"),
        ({"simulation.json": about(name="")}, "name: "),
        ({"simulation.json": about(name="a\nb")}, "one line"),
        ({"simulation.json": about(folder="../x")}, "folder: "),
        ({"simulation.json": about(tags=["x" * 99])}, "tags: "),
        ({"simulation.json": about(inputs=[])}, "inputs: "),
        ({"simulation.json": about(), "files/a": b""}, "'a' is in the zip"),
        ({"simulation.json": about(files={"a": ref(b"")})}, "'a' is not in the zip"),
    ],
)
def test_what_is_no_exported_simulation_is_refused(web: Web, entries: dict[str, bytes], words: str) -> None:
    assert words in refused(web, zipped(entries), 422, "not-an-export")


@pytest.mark.parametrize(
    "name", ["files/../../x", "files//etc/passwd", "files/.ssh", "files/a\\b", "files/a/b", "files/-rf", "files/ "]
)
def test_a_name_that_leads_elsewhere_is_refused(web: Web, name: str) -> None:
    data = zipped({"simulation.json": about(files={name[6:]: ref(b"x")}), name: b"x"})
    refused(web, data, 422, "invalid-name")


def test_codes_inputs_and_contents_are_checked_before_anything_is_kept(web: Web) -> None:
    refused(web, zipped({"simulation.json": about(code="nothing")}), 422, "unknown-code")
    refused(web, zipped({"simulation.json": about(inputs={"size": "x"})}), 422, "invalid-input")
    refused(web, zipped({"simulation.json": about(inputs={"nonsense": 1})}), 422, "invalid-input")
    wrong = zipped({"simulation.json": about(files={"a": ref(b"one")}), "files/a": b"two"})
    assert "'a'" in refused(web, wrong, 422, "wrong-content")
    damaged = bytearray(
        zipped({"simulation.json": about(files={"a": ref(b"one" * 99)}), "files/a": b"one" * 99}, zipfile.ZIP_STORED)
    )
    damaged[damaged.index(b"oneoneone")] ^= 1
    refused(web, bytes(damaged), 422, "not-a-zip")


def test_a_bomb_is_not_unpacked(web: Web) -> None:
    bomb = b"\0" * (LIMIT + 1)
    data = zipped({"simulation.json": about(files={"a": ref(bomb)}), "files/a": bomb})
    assert len(data) < LIMIT / 100
    assert "upload_limit" in refused(web, data, 413, "too-large")
    # one that lies about its size ends where it said that it would
    lying = bytearray(data)
    at = lying.rindex(struct.pack("<L", LIMIT + 1))
    lying[at : at + 4] = struct.pack("<L", 10)
    refused(web, bytes(lying), 422, "not-a-zip")
    refused(web, zipped({"simulation.json": about(inputs={"x": "y" * (3 << 20)})}), 413, "too-large")


def test_a_zip_of_very_many_files_is_not_even_listed(web: Web) -> None:
    refused(web, zipped({f"files/{n}": b"" for n in range(1002)} | {"simulation.json": about()}), 413, "too-many-files")
    names = {"files/" + f"{n:05}" * 40: b"" for n in range(3000)}
    data = zipped(names, zipfile.ZIP_STORED)
    assert len(data) > LIMIT
    refused(web, data, 413, "too-large")
    # the list alone, as a small body that says that it is large
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 60000, 60000, 3 << 20, 0, 0)
    refused(web, b"\0" * ((1 << 20) - 100) + end, 422, "not-a-zip")


def test_what_is_packed_or_encrypted_otherwise_is_refused(web: Web) -> None:
    assert "packed" in refused(web, zipped({"simulation.json": about()}, zipfile.ZIP_LZMA), 422, "not-an-export")
    data = bytearray(zipped({"simulation.json": about()}))
    data[data.index(b"PK\1\2") + 8] |= 1
    assert "encrypted" in refused(web, bytes(data), 422, "not-an-export")


def test_the_same_name_twice_is_refused(web: Web) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("simulation.json", about())
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("simulation.json", about(name="other"))
    refused(web, out.getvalue(), 422, "same-name")


def test_a_body_over_the_limit_is_refused(web: Web) -> None:
    refused(web, zlib.compress(b"") * 200_000, 413, "too-large")
