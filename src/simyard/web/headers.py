"""Stop 1, web: what every answer says to the browser about what it may do with it.

It is added below Flask, where it costs next to nothing, and where no answer can miss it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

#: The page: its own scripts and styles, nothing inline, nobody's frame. Plotly draws pictures as data: and blob: images.
PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: The one script that may compile WebAssembly: the worker that reads HDF5 files. It has no way out, not even to the API:
#: what it is given to read is foreign, and what it makes of it goes to the page as data.
WORKER_PATH = "/js/parts/files/hdf5_worker.js"  # after /static/VERSION
WORKER = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"
#: The API is data: whatever a file holds, a browser that is made to show it must not run it.
DATA = "default-src 'none'; frame-ancestors 'none'; sandbox"
_ALWAYS = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
_OF_PAGE = [*_ALWAYS, ("Content-Security-Policy", PAGE)]
_OF_WORKER = [*_ALWAYS, ("Content-Security-Policy", WORKER)]
_OF_DATA = [*_ALWAYS, ("Content-Security-Policy", DATA)]
_NO_STORE = ("Cache-Control", "no-store")


def install(app: Flask) -> None:
    inner = app.wsgi_app

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        # gunicorn's response, which knows how to end the connection; nothing else has such a method
        environ["simyard.force_close"] = getattr(getattr(start_response, "__self__", None), "force_close", None)
        path = environ["PATH_INFO"]
        told = _OF_DATA if path.startswith("/api/") else _OF_PAGE
        if path.startswith("/static/") and path.endswith(WORKER_PATH):
            told = _OF_WORKER

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            headers += told
            if not any(name == "Cache-Control" for name, _ in headers):
                headers.append(_NO_STORE)
            return start_response(status, headers, error)

        return inner(environ, start)

    app.wsgi_app = application  # type: ignore[method-assign]
