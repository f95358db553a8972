"""The page's files: one version of all of them, compressed, kept by browsers for good."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from simyard.web import assets
from simyard.web.assets import Assets
from tests.unit.web.conftest import Web


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "js").mkdir()
    (tmp_path / "vendor").mkdir()
    (tmp_path / "style").mkdir()
    (tmp_path / "index.html").write_text(
        '<link rel="stylesheet" href="/static/style/a.css">\n<link rel="stylesheet" href="/static/style/b.css">\n'
        '<link rel="stylesheet" href="/static/style/own.css" id="own">\n'
        '<!-- modules -->\n<script type="module" src="/static/js/main.js"></script>'
    )
    for name in ("a", "b", "own"):
        (tmp_path / f"style/{name}.css").write_text(f".{name} {{ color: red }}")
    (tmp_path / "js/main.js").write_text("import {\n  one,\n} from './one.js';\nconst later = () => import('./later.js');\n")
    (tmp_path / "js/one.js").write_text(
        "/** import './later.js' */\nexport { two } from '../vendor/two.js';\nexport const x = 'import';\n"
    )
    (tmp_path / "js/later.js").write_text("")
    (tmp_path / "vendor/two.js").write_text('import{a as b}from"./three.js";export const two=1;')
    (tmp_path / "vendor/three.js").write_text("export const a = 1;")
    return tmp_path


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "_FRESH", -1.0)


def test_the_page_asks_for_all_modules_at_once_and_for_those_of_later_views_last(folder: Path) -> None:
    version = Assets(folder).current()
    assert version.modules("js/main.js") == ["js/main.js", "js/one.js", "vendor/two.js", "vendor/three.js"]
    page = version.page.plain().decode()
    links = re.findall(rf'<link rel="(modulepreload|later)" href="/static/{version.name}/([^"]+)">', page)
    assert [name for when, name in links if when == "modulepreload"] == version.modules("js/main.js")
    assert [name for when, name in links if when == "later"] == ["js/later.js"]
    assert f'src="/static/{version.name}/js/main.js"' in page


def test_stylesheets_arrive_as_one_in_their_order(folder: Path) -> None:
    version = Assets(folder).current()
    page = version.page.plain().decode()
    assert re.findall(r'stylesheet" href="([^"]+)"', page) == [
        f"/static/{version.name}/style.css",
        f"/static/{version.name}/style/own.css",
    ]
    assert version.files["style.css"].plain() == b".a { color: red }\n.b { color: red }"


def test_a_file_that_changes_makes_a_new_version_and_the_older_one_stays_as_it_was(folder: Path) -> None:
    shelf = Assets(folder)
    before = shelf.current()
    assert shelf.current() is before
    (folder / "js/one.js").write_text("export const other = 1;\n")
    after = shelf.current()
    assert after.name != before.name
    assert b"import" in before.files["js/one.js"].plain()
    assert after.files["js/one.js"].plain() == b"export const other = 1;\n"
    assert after.files["js/main.js"] is before.files["js/main.js"], "what has not changed is held once"
    assert shelf.version(before.name) is before
    assert shelf.version("v0") is None


def test_only_the_newest_few_versions_are_kept(folder: Path) -> None:
    shelf = Assets(folder)
    first = shelf.current()
    for n in range(6):
        (folder / "js/later.js").write_text("/" * (n + 2))
        shelf.current()
    assert shelf.version(first.name) is None
    assert shelf.version(shelf.newest.name) is shelf.newest


def test_a_large_file_is_not_held_as_it_is(folder: Path) -> None:
    (folder / "vendor/large.js").write_bytes(b"x" * 300_000)
    asset = Assets(folder).current().files["vendor/large.js"]
    assert asset.data is None
    assert gzip.decompress(asset.compressed() or b"") == asset.plain()


def test_the_files_of_the_page_are_compressed_and_kept_for_good(web: Web) -> None:
    page = web.stranger.get("/", headers={"Accept-Encoding": "gzip, br"})
    assert page.headers["Cache-Control"] == "no-cache"
    address = re.search(r'href="([^"]+api\.js)"', gzip.decompress(page.data).decode())
    assert address is not None
    script = web.stranger.get(address[1], headers={"Accept-Encoding": "gzip"})
    assert (script.status_code, script.headers["Content-Encoding"]) == (200, "gzip")
    assert "immutable" in script.headers["Cache-Control"]
    assert script.headers["Vary"] == "Accept-Encoding"
    assert script.content_type == "text/javascript; charset=utf-8"
    plain = web.stranger.get(address[1])
    assert "Content-Encoding" not in plain.headers
    assert plain.data == gzip.decompress(script.data)
    assert plain.headers["ETag"] != script.headers["ETag"]


def test_what_a_browser_has_already_is_not_sent_again(web: Web) -> None:
    for path in ("/", "/static/style/base.css"):
        first = web.stranger.get(path, headers={"Accept-Encoding": "gzip"})
        again = web.stranger.get(path, headers={"Accept-Encoding": "gzip", "If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        # a browser that cannot read the compressed one has another one
        other = web.stranger.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert other.status_code == 200


@pytest.mark.parametrize(
    "path", ["/static/v0123456789abcdef/js/main.js", "/static/js/none.js", "/static/../pages.py", "/static/js"]
)
def test_what_is_no_file_of_the_page_is_not_there(web: Web, path: str) -> None:
    assert web.stranger.get(path).status_code == 404
