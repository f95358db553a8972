"""`simyard run list`, `show`, `wait`, `logs`, `cancel`, `delete`, `explain`, `report`, `files`, `fetch`, `open`: what there is to do with runs."""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simyard.cli.batch import asked_for, on_cluster
from simyard.cli.common import STYLES, client, json_option, note, number, seconds, size, table, tell_json, when
from simyard.errors import InvalidRequest

if TYPE_CHECKING:
    from simyard.client import Client, RemoteRun

_ULID = 26


def find(server: Client, run: str) -> RemoteRun:
    """The run that an argument names: an id, the end of the id of a recent one, or `last`. Raises InvalidRequest, NotFound."""
    if len(run) == _ULID:
        return server.get_run(run.upper())
    if run == "last":
        for newest in server.runs(limit=1):
            return newest
        raise InvalidRequest("unknown-run", "There are no runs yet; `simyard run CODE` starts one.")
    matching = [one for one in islice(server.runs(limit=200), 1000) if one.id.endswith(run.upper())]
    if len(matching) != 1:
        words = "several recent runs end" if matching else "no recent run ends"
        raise InvalidRequest("unknown-run", f"{run!r}: {words} so. Give the whole id (`simyard run list` shows them), or `last`.")
    return matching[0]


@click.command("list")
@click.option("--sim", help="Only runs of this simulation (name or id).")
@click.option("--code", help="Only runs of this code.")
@click.option("--model", help="Only runs of this model.")
@click.option("--state", type=click.Choice(list(STYLES)), help="Only runs in this state.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10000), help="How many, the newest first.")
@json_option
def list_(sim: str | None, code: str | None, model: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """List runs, the newest first."""
    server = client()
    simulation = None
    if sim is not None:
        found = server.find_simulation(sim)
        if found is None:
            raise InvalidRequest("unknown-simulation", f"There is no simulation called {sim!r}; `simyard sim list` shows them.")
        simulation = found["id"]
    runs = list(islice(server.runs(simulation=simulation, code=code, model=model, state=state, limit=min(limit, 200)), limit))
    if as_json:
        tell_json([run.data for run in runs])
        return
    rows = [
        (run.id, run.state, run.data["code"], run.data["model"], when(run.data.get("created")), _took(run), _brief(run))
        for run in runs
    ]
    table(
        ("ID", "STATE", "CODE", "MODEL", "CREATED", "TOOK", ""),
        rows,
        "No runs. `simyard run CODE` starts one; `simyard code list` shows the codes.",
    )


def _took(run: RemoteRun) -> str:
    return seconds((run.data.get("usage") or {}).get("wall")) if run.final else ""


def _brief(run: RemoteRun) -> str:
    if run.final:
        return run.reason if run.state != "completed" else ""
    fraction = (run.data.get("progress") or {}).get("fraction")
    return f"{fraction:.0%}" if fraction is not None else str(run.remote.get("words") or "")


@click.command()
@click.argument("run")
@json_option
def show(run: str, as_json: bool) -> None:
    """Show all that is known of RUN.

    RUN is an id, the end of the id of a recent run, or `last`; the same for every command."""
    found = find(client(), run)
    if as_json:
        tell_json(found.data)
        return
    data = found.data
    remote = found.remote
    rows: list[tuple[str, Any]] = [
        ("state", found.state),
        ("reason", found.reason),
        ("simulation", data["simulation"]),
        ("code", f"{data['code']} / {data['model']}"),
        ("target", data["target"]),
        ("on there", on_cluster(remote, final=found.final)),
        ("asked for", asked_for(data["resources"])),
        ("created", when(data.get("created"))),
        ("started", when(data.get("started"))),
        ("ended", when(data.get("ended"))),
        ("last heard", when(data.get("last_heard")) if not found.final else ""),
    ]
    usage = data.get("usage") or {}
    if usage:
        rows.append(("used", f"{seconds(usage['wall'])} wall, {seconds(usage['cpu'])} cpu, {size(usage['peak_memory'])} memory"))
    click.echo(found.id)
    for name, value in rows:
        if value:
            click.echo(f"  {name:<11} {value}")
    for name, value in found.results.items():
        click.echo(f"  {name} = {number(value)}")
    for warning in found.warnings:
        click.echo(f"  warning: {warning}")


@click.command()
@click.argument("run")
@click.option("--out", "-o", type=click.Path(file_okay=False), help="Put the files that it made into this folder.")
@json_option
def wait(run: str, out: str | None, as_json: bool) -> None:
    """Show progress until RUN has ended.

    The exit status says how it ended, as of `simyard run CODE --wait`."""
    from simyard.cli.run import follow

    follow(find(client(), run), as_json=as_json, out=out)


@click.command()
@click.argument("run")
@click.option("--follow", "-f", is_flag=True, help="Go on as it is written, until the run has ended.")
@json_option
def logs(run: str, follow: bool, as_json: bool) -> None:
    """Write what RUN has printed."""
    if as_json:
        tell_json({"log": b"".join(find(client(), run).log(follow=follow)).decode("utf-8", "replace")})
        return
    for piece in find(client(), run).log(follow=follow):
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


@click.command()
@click.argument("runs", nargs=-1, required=True)
@click.option("--no-wait", is_flag=True, help="Only ask for it; do not wait until everything of it is gone.")
@json_option
def cancel(runs: tuple[str, ...], no_wait: bool, as_json: bool) -> None:
    """Cancel RUNS; returns when everything of them is gone."""
    server = client()
    found = [find(server, run) for run in runs]
    for one in found:
        if not one.final:
            one.cancel()
    for one in found:
        if not no_wait:
            one.wait()
        if not as_json:
            click.echo(f"{one.id}  {one.state}")
    if as_json:
        tell_json([one.data for one in found])


@click.command()
@click.argument("runs", nargs=-1, required=True)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
def delete(runs: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Delete RUNS that are over, for ever, with their files."""
    server = client()
    found = {one.id: one for one in (find(server, run) for run in runs)}
    if not yes:
        click.confirm(f"Delete {', '.join(found)} for good, with all files?", abort=True, err=True)
    for one in found.values():
        one.delete()
        if not as_json:
            note(f"{one.id} is gone.")
    if as_json:
        tell_json({"deleted": list(found)})


@click.command()
@click.argument("run")
@json_option
def explain(run: str, as_json: bool) -> None:
    """Say why RUN is not running.

    What it waits for, where it stands, and what would clear it."""
    said = find(client(), run).explain()
    if as_json:
        tell_json(said)
        return
    click.echo(said["summary"])
    for gate in said.get("gates") or []:
        click.echo(
            f"  {'✓' if gate['passed'] else '…'} {gate['gate']}: {gate['detail'] or ('passed' if gate['passed'] else 'not asked yet')}"
        )


@click.command()
@click.argument("run")
@click.argument("report", required=False)
@click.option("--frame", type=click.IntRange(0), help="Which picture, of a report that has many (default: the last).")
@click.option(
    "--out",
    "-o",
    type=click.Path(dir_okay=False),
    help="Write it here: .html is a page that needs nothing else, .json the Plotly figure.",
)
@json_option
def report(run: str, report: str | None, frame: int | None, out: str | None, as_json: bool) -> None:
    """Make a report of RUN, as a web page or JSON.

    REPORT is its first where none is named. The figure goes to stdout as JSON, or into a file."""
    server = client()
    found = find(server, run)
    code = server.code(found.data["code"])
    names = next(model["reports"] for model in code["models"] if model["name"] == found.data["model"])
    if report is None:
        if not names:
            raise InvalidRequest("no-reports", f"{found.data['model']} of {found.data['code']} has no reports.")
        report = names[0]
    declared = {one["name"]: one for one in code["reports"]}
    if frame is None and declared.get(report, {}).get("frames"):
        frame = max(0, int((found.data.get("progress") or {}).get("frames") or 1) - 1)
    figure = found.report(report, frame)
    if out is None:
        click.echo(json.dumps(figure, ensure_ascii=False))
        return
    title = declared.get(report, {}).get("title", report)
    if Path(out).suffix in {".html", ".htm"}:
        from simyard.cli.page import page

        Path(out).write_text(page(figure, f"{code['title']}: {title}", found.results), "utf-8")
    else:
        Path(out).write_text(json.dumps(figure, ensure_ascii=False), "utf-8")
    if as_json:
        tell_json({"report": report, "frame": frame, "path": str(Path(out).resolve())})
    else:
        note(f"{title}: {Path(out).resolve()}")


@click.command()
@click.argument("run")
@json_option
def files(run: str, as_json: bool) -> None:
    """List the files of RUN.

    Those that the code made are under work/."""
    found = find(client(), run).files()
    if as_json:
        tell_json(found)
        return
    table(("SIZE", "PATH"), [(size(one["size"]), one["path"]) for one in found], "No files yet.")


@click.command()
@click.argument("run")
@click.argument("path", required=False)
@click.option("--out", "-o", type=click.Path(), help="Folder to put them into, or the name of the one file (default: here).")
@json_option
def fetch(run: str, path: str | None, out: str | None, as_json: bool) -> None:
    """Download what RUN made.

    Into a folder (default: one named as the run); with PATH only that file."""
    found = find(client(), run)
    if path is None:
        folder = Path(out or found.id)
        got = found.download(folder)
        if as_json:
            tell_json([str(one.resolve()) for one in got])
        else:
            note(f"{len(got)} files in {folder.resolve()}")
        return
    target = Path(out or Path(path).name)
    if target.is_dir():
        target /= Path(path).name
    inside = {one["path"] for one in found.files()}
    if path not in inside and f"work/{path}" in inside:
        path = f"work/{path}"
    one = found.download_file(path, target).resolve()
    if as_json:
        tell_json([str(one)])
    else:
        note(str(one))


@click.command("open")
@click.argument("run")
@click.option("--print", "only_print", is_flag=True, help="Only write the address; start no browser.")
@json_option
def open_(run: str, only_print: bool, as_json: bool) -> None:
    """Open the page of RUN in a browser, by a fresh one-time address."""
    from simyard.cli.up import show_in_browser

    show_in_browser(f"/runs/{find(client(), run).id}", only_print=only_print, as_json=as_json)


COMMANDS = (list_, show, wait, logs, cancel, delete, explain, report, files, fetch, open_)
