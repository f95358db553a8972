"""Stop 1, web: the files of the page, as one version of all of them: what a browser has loaded never meets another version's.

The addresses of a version's files begin with its name (`/static/v3f…/js/main.js`), which is a hash over all of them: a browser
keeps such files for good and asks for none on a second visit, and imports, which are relative, stay within the version. What is
handed out is what was read when the version was taken, so that an upgrade on disk does not reach pages that are open.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import os
import re
import time
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from posixpath import dirname, join, normpath

# what a browser refuses to run when a machine's tables say otherwise
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("image/svg+xml", ".svg")

#: Files up to this size are held in memory as they are; larger ones (Plotly) are read when they are wanted, and held compressed.
_SMALL = 200_000
#: Whether the files on disk are still the same is looked at when the page is asked for, but not more often (seconds).
_FRESH = 0.5
#: Versions that pages still open may be asking for.
_VERSIONS = 4
#: Already compressed, or too small to gain.
_LEAST = 256
_DENSE = frozenset({"image/png", "image/jpeg", "image/webp", "font/woff2"})

#: `import … from '…'`, `export … from '…'`, `import '…'`: what a module needs before it can run. Not `import('…')`, which is for later.
_IMPORT = re.compile(r"""^\s*(?:import|export)\b(?:[^'"`;()]*?\bfrom)?\s*['"](\.{1,2}/[^'"]+)['"]""", re.MULTILINE)
_MINIFIED = re.compile(r"""(?:\bfrom|(?:^|;)import)['"](\./[^'"]+)['"]""")
#: `import('…')` of a view that is not the first one: needed soon.
_LATER = re.compile(r"""\bimport\(['"](\./[^'"/]+|\.{1,2}/views/[^'"/]+)['"]\)""")
#: Views that are loaded when somebody goes there: few visits need them, and a first visit has a budget.
_RARE = frozenset({"js/views/compare.js"})
_PLACE = "<!-- modules -->"
#: Stylesheets that stand one after the other in index.html. They arrive as one file (none of them
#: has a relative address in it): each of them delays the first painting.
_STYLES = re.compile(r"""(?:[ \t]*<link rel="stylesheet" href="/static/style/[^"]+">\n)+""")
_ONE_STYLE = "style.css"


@dataclass
class Asset:
    """One file. `data` is None for a large one."""

    path: Path
    type: str
    etag: str
    size: int
    data: bytes | None
    _gzip: bytes | None = None

    def plain(self) -> bytes:
        return self.data if self.data is not None else self.path.read_bytes()

    def compressed(self) -> bytes | None:
        """The file in gzip's words; None where that gains nothing."""
        if self.size < _LEAST or self.type in _DENSE:
            return None
        if self._gzip is None:
            # a level above 6 makes Plotly 1 % smaller and takes twice as long
            self._gzip = gzip.compress(self.plain(), 9 if self.size <= _SMALL else 6, mtime=0)
        return self._gzip


@dataclass(kw_only=True)
class Version:
    """All files as they were at one moment. `page` is index.html with the addresses of this version."""

    name: str
    files: dict[str, Asset]
    page: Asset = field(init=False)

    def __post_init__(self) -> None:
        text = self.files["index.html"].plain().decode()
        sheets = [f"style/{name}" for part in _STYLES.findall(text) for name in re.findall(r'style/([^"]+)"', part)]
        style = b"\n".join(self.files[name].plain() for name in sheets if name in self.files)
        self.files[_ONE_STYLE] = Asset(self.files["index.html"].path, _type(_ONE_STYLE), f"{self.name}-style", len(style), style)
        data = self._page(_STYLES.sub(f'    <link rel="stylesheet" href="/static/{_ONE_STYLE}">\n', text, count=1)).encode()
        etag = f"{self.name}-page"
        self.page = Asset(self.files["index.html"].path, "text/html; charset=utf-8", etag, len(data), data)

    def _page(self, text: str) -> str:
        first = self.modules("js/main.js")
        links = [f'<link rel="modulepreload" href="/static/{escape(name)}">' for name in first]
        # main.js asks for these once the first view stands
        links += [f'<link rel="later" href="/static/{escape(name)}">' for name in self._later(first)]
        return text.replace(_PLACE, "\n    ".join(links), 1).replace('"/static/', f'"/static/{self.name}/')

    def _later(self, first: list[str]) -> list[str]:
        """What the views need that are not the first one, beside that."""
        found = dict[str, None]()
        for name in first:
            if not name.startswith("vendor/"):
                for wanted in _LATER.findall(self._text(name)):
                    view = normpath(join(dirname(name), wanted))
                    found |= dict.fromkeys(self.modules(view) if view not in _RARE else ())
        return [name for name in found if name not in set(first)]

    def modules(self, first: str) -> list[str]:
        """The modules that this one needs, and itself: those that are nearest first, each once."""
        if first not in self.files:
            return []
        found, waiting = {first: None}, [first]
        while waiting:
            name = waiting.pop(0)
            for wanted in (_MINIFIED if name.startswith("vendor/") else _IMPORT).findall(self._text(name)):
                path = normpath(join(dirname(name), wanted))
                if path in self.files and path not in found:
                    found[path] = None
                    waiting.append(path)
        return list(found)

    def _text(self, name: str) -> str:
        return self.files[name].plain().decode(errors="replace")


class Assets:
    """The page's files in a folder. The newest version follows the disk; a few older ones are kept for pages that are open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._versions: dict[str, Version] = {}
        self._signature: tuple[tuple[str, int, int], ...] = ()
        self._looked = float("-inf")
        self.newest = self._take()

    def current(self) -> Version:
        """The version of what is on disk now, or was a moment ago."""
        now = time.monotonic()
        if now - self._looked > _FRESH:
            self._looked = now
            if self._look() != self._signature:
                self.newest = self._take()
        return self.newest

    def version(self, name: str) -> Version | None:
        """That version, if it is known."""
        if name not in self._versions:
            self.current()  # another worker may have seen it first
        return self._versions.get(name)

    def _look(self) -> tuple[tuple[str, int, int], ...]:
        seen, folders = [], [str(self._folder)]
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir():
                        folders.append(entry.path)
                    else:
                        about = entry.stat()
                        seen.append((os.path.relpath(entry.path, self._folder), about.st_size, about.st_mtime_ns))
        return tuple(sorted(seen))

    def _take(self) -> Version:
        signature, files, whole = self._look(), {}, hashlib.blake2b(digest_size=8)
        before = self._versions.get(next(reversed(self._versions), ""))
        for name, size, _ in signature:
            path = self._folder / name
            try:
                data = path.read_bytes()
            except FileNotFoundError:  # an editor's, gone again: the next look sees a change
                continue
            digest = hashlib.blake2b(data, digest_size=12).hexdigest()
            whole.update(f"{name}\0{digest}\0".encode())
            kept = before.files.get(name) if before else None
            files[name] = (
                kept
                if kept and kept.etag == digest
                else Asset(path, _type(name), digest, len(data), data if size <= _SMALL else None)
            )
        made = Version(name=f"v{whole.hexdigest()}", files=files)
        self._signature = signature
        self._versions.pop(made.name, None)
        self._versions[made.name] = made
        while len(self._versions) > _VERSIONS:
            del self._versions[next(iter(self._versions))]
        return made


def _type(name: str) -> str:
    found = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith("text/") else found
