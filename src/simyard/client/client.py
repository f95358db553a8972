"""The client of one Simyard: codes, simulations, files, runs."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from simyard import alive
from simyard.client.http import Http, NotRunning, new_key, path
from simyard.client.login import RemoteLogin
from simyard.client.runs import RemoteRun
from simyard.config import load
from simyard.errors import InvalidRequest


class Client:
    """Speaks to a Simyard. Without arguments: to the one that runs for this account (SIMYARD_HOME), or the one that
    SIMYARD_URL and SIMYARD_TOKEN name. Raises NotRunning (Unavailable) where there is none."""

    def __init__(
        self, url: str | None = None, token: str | None = None, *, home: Path | str | None = None, patience: float = 15.0
    ) -> None:
        if url is None and home is None:
            url = os.environ.get("SIMYARD_URL") or None
            token = token or os.environ.get("SIMYARD_TOKEN") or None
        if url is None:
            folder = load(os.environ, Path(home) if home is not None else None).home
            url, token = _of_home(folder)
        self.http = Http(url, token or "", patience=patience)
        self._arguments = (url, token or "", patience)

    def close(self) -> None:
        """Close the connection that is kept; leaving a `with` block does."""
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where it is."""
        return self.http.url

    def streaming(self, timeout: float) -> Http:
        """Another way to the same server, for a stream that stays open beside other requests."""
        url, token, patience = self._arguments
        return Http(url, token, timeout=timeout, patience=patience)

    def codes(self) -> list[dict[str, Any]]:
        """The codes that this Simyard knows, with their inputs, models, reports and examples."""
        return _items(self.http.get(path("codes")))

    def code(self, name: str) -> dict[str, Any]:
        return dict(self.http.get(path("codes", name)))

    def code_targets(self, code: str = "") -> list[dict[str, Any]]:
        """Where a code can run (each, without one), and what is missing where it cannot."""
        return _items(self.http.get(path("codes", "targets"), code=code))

    def target_install(self, code: str, target: str) -> dict[str, Any]:
        """How the install of a code on a cluster goes."""
        return dict(self.http.get(path("codes", code, "targets", target, "install")))

    def install_on(self, code: str, target: str, wheels: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Begin to install a code in your folder on a cluster: from its package index, or from `wheels`, which are file names and the
        SHA-256 of files that you have uploaded. How far it is, `target_install` says."""
        return dict(
            self.http.json("POST", path("codes", code, "targets", target, "install"), body={"wheels": dict(wheels or {})})
        )

    def targets(self) -> list[dict[str, Any]]:
        """The places to run."""
        return _items(self.http.get(path("targets")))

    def login(self, target: str) -> RemoteLogin:
        """The login to a target, as a conversation with its host: see `RemoteLogin.through`."""
        return RemoteLogin(self.http, target)

    def simulations(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """The simulations, newest first; `code`, `tag` and `folder` leave out others, `deleted=True` lists the bin, and
        `brief=True` leaves out inputs and files."""
        return self._pages(path("simulations"), filters)

    def simulation(self, simulation: str) -> dict[str, Any]:
        return dict(self.http.get(path("simulations", simulation)))

    def find_simulation(self, name: str, code: str = "", *, deleted: bool = False) -> dict[str, Any] | None:
        """The newest simulation of that name or id, here or (`deleted`) in the bin; None where there is none."""
        found = (
            one
            for one in self.simulations(code=code or None, deleted=deleted or None, brief=True, limit=500)
            if name in {one["name"], one["id"]} and code in {"", one["code"]}
        )
        first = next(found, None)
        return None if first is None else self.simulation(first["id"])

    def create_simulation(
        self,
        code: str,
        name: str | None = None,
        *,
        example: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """A new simulation: an example or the defaults, with `inputs` in place of those, and `files` (name → sha256, see `upload`)."""
        body = {"code": code, "name": name, "example": example, "inputs": dict(inputs or {}), "files": dict(files or {})}
        return dict(
            self.http.json("POST", path("simulations"), body={key: value for key, value in body.items() if value is not None})
        )

    def change_simulation(self, simulation: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        """Change name, folder, tags (all of them), inputs (those that are given) or files ({name: sha256, or None to remove}).
        Raises PreconditionFailed where somebody else has changed it since it was read."""
        headers = {"If-Match": simulation["etag"]} if simulation.get("etag") else {}
        return dict(self.http.json("PATCH", path("simulations", simulation["id"]), body=changes, headers=headers))

    def link(
        self, simulation: Mapping[str, Any], name: str, source: str, file: str, *, model: str | None = None
    ) -> dict[str, Any]:
        """Have the file input `name` be a file of the newest completed run of another simulation (`source`, its id), by its path there such as
        `work/twiss.tfs`, or below `work/`. `model` may be left out where its code has one only. The answer is the simulation; see `sources` for how it then stands."""
        if model is None:
            models = [one["name"] for one in self.code(self.simulation(source)["code"])["models"]]
            if len(models) > 1:
                raise InvalidRequest("which-model", f"The source can compute {', '.join(models)}: say which model's file it is.")
            model = models[0]
        path_there = file if file.startswith("work/") else f"work/{file}"
        return self.change_simulation(simulation, inputs={name: {"simulation": source, "model": model, "file": path_there}})

    def sources(self, simulation: str, model: str | None = None) -> list[dict[str, Any]]:
        """What a simulation takes from others, one for each input, and how that stands: `state` is current, out-of-date, nothing-yet or gone,
        `detail` says why and what to do; for runs of that model, or of any."""
        return _items(self.http.get(path("simulations", simulation, "sources"), model=model))

    def copy_simulation(self, simulation: str, name: str | None = None) -> dict[str, Any]:
        return dict(self.http.json("POST", path("simulations", simulation, "copy"), body={"name": name} if name else {}))

    def show_input(
        self, simulation: str, model: str, *, target: str | None = None, timeout: float | None = None
    ) -> dict[str, Any]:
        """The input of a model as the code would get it: {"command", "files": [{"name", "text", "size", "truncated"}]}. No run comes of it.
        Raises TimeoutError after `timeout` seconds."""
        body = {"model": model, **({"target": target} if target else {})}
        until = None if timeout is None else time.monotonic() + timeout
        return dict(self.http.json("POST", path("simulations", simulation, "input"), body=body, repeat=True, until=until))

    def delete_simulation(self, simulation: str, *, forever: bool = False) -> None:
        """Put it into the bin, where it is kept for 30 days; or, with `forever`, delete it with all its saves."""
        self.http.json("DELETE", path("simulations", simulation), query={"forever": "true" if forever else None})

    def restore_simulation(self, simulation: str) -> dict[str, Any]:
        """Take it back from the bin."""
        return dict(self.http.json("POST", path("simulations", simulation, "restore"), repeat=True))

    def export_simulation(self, simulation: str, target: Path | str) -> Path:
        """Save it as a zip, with its files: a file that is there is replaced once the zip is whole."""
        file = Path(target)
        part = file.with_name(file.name + ".part")
        try:
            with self.http.open("GET", path("simulations", simulation, "export")) as answer, part.open("wb") as out:
                shutil.copyfileobj(answer, out)
            return part.replace(file)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
            raise InvalidRequest("cannot-write", f"{file} cannot be written: {error.strerror}.") from None
        finally:
            part.unlink(missing_ok=True)

    def import_simulation(self, file: Path | str) -> dict[str, Any]:
        """A new simulation from a zip that `export_simulation` has made."""
        source = Path(file)
        try:
            with source.open("rb") as content:
                headers = {"Content-Type": "application/zip", "Content-Length": str(os.fstat(content.fileno()).st_size)}
                with self.http.open("POST", path("simulations", "import"), body=content, headers=headers) as answer:
                    return dict(json.loads(answer.read()))
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            raise InvalidRequest("no-such-file", f"{source}: {error.strerror}.") from None

    def upload(self, file: Path | str, name: str | None = None) -> dict[str, Any]:
        """Put a file into the library, under its own name or another: {"name", "sha256", "size"}. Streamed, never held whole."""
        source = Path(file)
        try:
            with source.open("rb") as content:
                size = os.fstat(content.fileno()).st_size
                headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
                with self.http.open("PUT", path("files", name or source.name), body=content, headers=headers) as answer:
                    return dict(json.loads(answer.read()))
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            raise InvalidRequest("no-such-file", f"{source}: {error.strerror}.") from None

    def delete_file(self, name: str) -> None:
        """Take a file out of the library."""
        self.http.json("DELETE", path("files", name))

    def start(
        self,
        simulation: str,
        model: str,
        *,
        target: str | None = None,
        resources: Mapping[str, Any] | None = None,
        reuse: bool = True,
        supersede: bool = False,
        wait: float = 0.0,
        key: str | None = None,
    ) -> RemoteRun:
        """Start a run of a model of a simulation. With `wait` the server answers once it is final, or after that many seconds.
        What is active with the same inputs, or has completed with them (unless `reuse` is false), is the answer: see
        `data["new"]` and `data["reused"]`. Raises Conflict where another run of it is active (`supersede` cancels that)."""
        body: dict[str, Any] = {"model": model, "reuse": reuse, "supersede": supersede}
        if target:
            body["target"] = target
        if resources:
            body["resources"] = dict(resources)
        headers = {"Idempotency-Key": key or new_key(), **({"Prefer": f"wait={wait:g}"} if wait else {})}
        # with its key it is the same request however often it is made
        answer = self.http.json("POST", path("simulations", simulation, "runs"), body=body, headers=headers, repeat=True)
        return RemoteRun(self, answer)

    def prepare(
        self,
        code: str,
        *,
        name: str | None = None,
        example: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        files: Sequence[Path | str] = (),
    ) -> dict[str, Any]:
        """The simulation of this name and code, made or changed to be just this: the example's inputs or the defaults, with
        `inputs` on top, and `files`. The first file with a suffix that a file input names is put into that input."""
        declared = self.code(code)
        name = name or (Path(files[0]).stem if files else None) or example or code
        wanted = {one["name"]: one["default"] for one in declared["inputs"]}
        if example is not None:
            known = {one["name"]: one for one in declared["examples"]}
            if example not in known:
                raise InvalidRequest(
                    "unknown-example", f"{code} has no example called {example!r}; it has {', '.join(known) or 'none'}."
                )
            wanted.update(known[example]["inputs"])
        refs = {Path(file).name: self.upload(file) for file in files}
        if len(refs) < len(files):
            raise InvalidRequest("same-name", "Two of the files have the same name; in a run they would be one.")
        for one in declared["inputs"]:
            if one["type"] == "file":
                wanted[one["name"]] = next(
                    (file for file in refs if file.lower().endswith(tuple(one["suffixes"]))), wanted[one["name"]]
                )
        wanted.update(inputs or {})
        contents = {file: ref["sha256"] for file, ref in refs.items()}
        found = self.find_simulation(name, code)
        if found is None:
            return self.create_simulation(code, name, inputs=wanted, files=contents)
        gone = dict.fromkeys(set(found["files"]) - set(contents))
        return self.change_simulation(found, inputs=wanted, files={**contents, **gone})

    def run(
        self,
        code: str,
        model: str,
        *,
        name: str | None = None,
        example: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        files: Sequence[Path | str] = (),
        **options: Any,
    ) -> RemoteRun:
        """Prepare a simulation and start a run of it: `prepare` and `start` in one."""
        simulation = self.prepare(code, name=name, example=example, inputs=inputs, files=files)
        return self.start(simulation["id"], model, **options)

    def get_run(self, run: str) -> RemoteRun:
        """The run of this id."""
        return RemoteRun(self, self.http.get(path("runs", run)))

    def runs(self, **filters: Any) -> Iterator[RemoteRun]:
        """The runs, newest first; `simulation`, `model` and `state` leave out others."""
        return (RemoteRun(self, data) for data in self._pages(path("runs"), filters))

    def login_address(self, where: str = "") -> str:
        """An address that logs a browser in, once, and leads to a part of the page, such as `/runs/ID`."""
        address = str(self.http.json("POST", path("login-addresses"))["url"])
        # browsers keep the fragment through the redirect, and the page finds its way by it
        return f"{address}#{where}" if where else address

    def _pages(self, where: str, filters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            page = self.http.get(where, **filters, cursor=cursor)
            yield from page["items"]
            cursor = page.get("cursor") or ""
            if not cursor:
                return


def _of_home(home: Path) -> tuple[str, str]:
    """The address and the token of the Simyard of this home folder; raises NotRunning."""
    url = alive.up(str(home)).get("url", [""])[0] or alive.served(str(home))
    if not url:
        raise NotRunning("not-running", f"Simyard is not running for {home}. Start it with `simyard up`.")
    try:
        token = (home / "token").read_text("utf-8").strip()
    except OSError as error:
        raise NotRunning(
            "no-token", f"{home / 'token'} cannot be read ({error.strerror}): it is still starting, or another user's."
        ) from None
    return url, token


def _items(answer: Any) -> list[dict[str, Any]]:
    return list(answer["items"]) if isinstance(answer, dict) else list(answer)
