"""The files of a run in the page: a tree, and a viewer for text, tables, pictures, JSON, NumPy and HDF5."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, quote

import pytest
from playwright.sync_api import Locator

from simyard.client.http import path
from tests.system.page_kit import Screen, Yard, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


SHOWN = ":is(.view-content, .view-empty):not([data-before])"


def file_of(address: str) -> str:
    return parse_qs(address.partition("?")[2]).get("file", [""])[0]


@pytest.fixture(scope="module")
def run(yard: Yard) -> str:
    """A run that has left a file of every kind."""
    made = yard.client.create_simulation("leaves", "Leaves")
    run = yard.client.start(made["id"], "leave", wait=60)
    assert run.state == "completed", run.reason
    return str(run.id)


def opened(screen: Screen, run: str, file: str, at: str = "") -> Locator:
    """The viewer with that file of the run's work folder; the address says it all."""
    if file_of(screen.page.url) != f"work/{file}":
        # what was shown before stands for a moment more
        screen.page.locator(SHOWN).evaluate_all("all => all.forEach((one) => { one.dataset.before = ''; })")
    screen.page.goto(f"/#/runs/{run}?file={quote('work/' + file)}" + (f"&at={quote(at)}" if at else ""))
    viewer = screen.page.locator(".file-viewer")
    viewer.locator(SHOWN).wait_for()
    viewer.locator(".skeletons").first.wait_for(state="detached")
    return viewer


def test_the_files_are_a_tree_that_is_searched_and_taken_away(screen: Screen, run: str) -> None:
    page = screen.page
    page.goto(f"/#/runs/{run}")
    page.locator(".folder-row", has_text="est").last.wait_for()
    page.get_by_role("link", name="work/deep/er/est/leaf.txt", exact=True).wait_for()
    page.get_by_label("Search the files").fill("LEAF")
    page.get_by_text("1 file found").wait_for()
    with page.expect_download() as one:
        page.get_by_role("link", name="Download work/deep/er/est/leaf.txt").click()
    assert Path(one.value.path()).read_text() == "a leaf"
    screen.picture("tree")
    page.get_by_role("link", name="work/deep/er/est/leaf.txt", exact=True).click()
    page.get_by_role("dialog", name="leaf.txt").get_by_text("a leaf").wait_for()
    page.go_back()
    page.get_by_role("dialog").wait_for(state="detached")


def test_a_long_text_is_shown_in_parts_and_searched(screen: Screen, run: str) -> None:
    viewer = opened(screen, run, "long.txt")
    viewer.get_by_label("Search in the text").fill("line 77:")
    viewer.locator("mark.current").wait_for()
    viewer.get_by_text("1 of 1", exact=True).wait_for()
    viewer.get_by_role("button", name="End").click()
    viewer.get_by_text("line 39999:").wait_for()
    screen.picture("end")
    viewer.get_by_role("button", name="Back").click()
    viewer.get_by_role("button", name="Next part").click()
    wait_until(lambda: int(viewer.locator(".line-number").first.get_attribute("data-n") or "0") > 1000)


def test_tables_are_sorted_and_a_column_is_plotted_over_another(screen: Screen, run: str) -> None:
    viewer = opened(screen, run, "orbit.csv")
    viewer.get_by_text("5\u202f000 rows, 3 columns.").wait_for()
    viewer.get_by_role("button", name="x", exact=True).click()
    viewer.get_by_role("button", name="x", exact=True).click()
    wait_until(lambda: viewer.locator("tbody tr").first.inner_text().split()[2] == "1")  # the largest first
    viewer.get_by_role("button", name="Plot").click()
    viewer.locator(".js-plotly-plot .main-svg").first.wait_for()
    screen.picture("plot")
    for file, columns in (("twiss.tfs", ["NAME", "S", "BETX"]), ("columns.dat", ["s [m]", "beta [m]"])):
        head = opened(screen, run, file).locator("th")
        wait_until(lambda head=head, columns=columns: head.all_inner_texts()[1:] == columns)


def test_pictures_json_numpy_and_bytes_are_shown_as_what_they_are(screen: Screen, run: str) -> None:
    opened(screen, run, "picture.png").get_by_text("64 × 48 pixels").wait_for()
    opened(screen, run, "hostile.svg").get_by_text("200 × 100 pixels").wait_for()
    opened(screen, run, "settings.json").get_by_text("[500 items]").wait_for()
    opened(screen, run, "broken.json").get_by_text("not valid JSON").wait_for()
    opened(screen, run, "empty.txt").get_by_text("The file is empty.").wait_for()
    opened(screen, run, "paper.pdf").get_by_role("link", name="Download").first.wait_for()
    opened(screen, run, "noise.bin").get_by_text("000010  10 11 12").wait_for()
    opened(screen, run, "field.npy").get_by_text("float32 20 × 30").wait_for()
    screen.page.locator(".array-stage .main-svg").first.wait_for()
    viewer = opened(screen, run, "arrays.npz", "two")
    viewer.get_by_role("button", name="Table").click()
    wait_until(lambda: viewer.locator("tbody td").all_inner_texts() == ["1", "0", "1", "2", "2", "3", "4", "5"])


def test_hdf5_is_browsed_with_its_attributes_and_drawn(screen: Screen, run: str) -> None:
    page = screen.page
    viewer = opened(screen, run, "fields.h5")
    viewer.get_by_text("[1, 2, 3]").wait_for()
    viewer.get_by_role("button", name="density 700 × 900").click()
    viewer.get_by_text("shuffle, gzip").wait_for()
    viewer.get_by_text("1/m³").wait_for()
    viewer.locator(".array-stage .main-svg").first.wait_for()
    assert "density" in page.url
    screen.picture("map")
    told = {
        "/energy": "Drawn with a step of 5",
        "/names": "größer",
        "/fixed": "ab",
        "/flags": "true",
        "/count": "42",
        "/table": "−3.5",
        "/complex": "−4",
        "/ragged": "[1, 2, 3]",
        "/nothing": "It holds no data",
        "/none": "It has no elements",
        "/soft": "/not/there",
        "/outside": "/etc/passwd:/x",
        "/deep/er/<img src=x onerror=alert(1)>/leaf": "int64",
        # what cannot be read says why, and the rest goes on
        "/cube": "filter “lzf”",
        "/huge": "too large to be unpacked",
        "/gone": "There is no /gone",
    }
    for at, words in told.items():
        opened(screen, run, "fields.h5", at).locator(".hdf5-main").get_by_text(words).first.wait_for()
    opened(screen, run, "damaged.h5").get_by_text("cannot be read as HDF5").wait_for()
    screen.picture("damaged")


def test_odd_names_are_carried_and_kept_apart_from_the_words_around_them(screen: Screen, run: str, yard: Yard) -> None:
    listed = [one["path"] for one in yard.client.http.get(path("runs", run, "files"))["items"]]
    names = ["a b#c?.txt", "100%.txt", "<img src=x onerror=alert('name')>", "Größe π.txt", "x" * 200 + ".txt", "abc\u202egpj.txt"]
    for name in names:
        assert f"work/{name}" in listed
        opened(screen, run, name).get_by_text("odd").first.wait_for()
        answer = screen.page.request.get(f"/api/v1/runs/{run}/files/{quote('work/' + name)}")
        assert answer.status == 200
        assert answer.headers["content-disposition"].isascii()
    # a name that ends a line, or is no text, is not listed and not served
    assert not [one for one in listed if "\n" in one or "caf" in one]
    for bad in ("work/line%0Aend.txt", "work/caf%E9.txt", "..%2Frun.json", "work/..%2F..%2Fsimyard.toml", "lock"):
        assert screen.page.request.get(f"/api/v1/runs/{run}/files/{bad}").status in {400, 404}, bad
    part = screen.page.request.get(f"/api/v1/runs/{run}/files/work/long.txt", headers={"Range": "bytes=0-5"})
    assert (part.status, part.body(), part.headers["content-range"]) == (206, b"line 0", part.headers["content-range"])
    assert json.loads(screen.page.request.get(f"/api/v1/runs/{run}/files/nothing").text())["code"]
