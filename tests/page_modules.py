"""A blank page of a browser that can import the page's modules: for what they compute without a server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.system.page_kit import chromium

STATIC = Path(__file__).parents[1] / "src" / "simyard" / "web" / "static"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def blank_page() -> Iterator[Page]:
    """`page.evaluate("async () => (await import('/js/saves.js')).steps(…)")`"""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(STATIC)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with chromium() as browser:
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/icon.svg")
            yield page
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
