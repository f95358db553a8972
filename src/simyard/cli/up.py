"""`simyard up`, `down`, `status`, `open`: Simyard itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import click

from simyard import alive
from simyard.cli import AWAY
from simyard.cli.common import client, config, json_option, note, tell_json
from simyard.config import SBATCH, Config
from simyard.errors import Conflict, SimyardError, Unavailable

#: Seconds that web and supervisor may take to become ready.
_START_LIMIT = 120.0
#: Seconds without any progress after which cancelling all runs is given up.
_STOP_LIMIT = 60.0
#: Seconds that agents may take to know of runs that are over that nothing of them is left to do.
_SETTLE_LIMIT = 20.0


def keeper_command(settings: Config, host: str | None, port: int | None) -> list[str]:
    """The command line of the process keeper."""
    from simyard import up

    where = [host or settings.web.host, str(settings.web.port if port is None else port)]
    return [sys.executable, "-I", "-S", os.path.abspath(up.__file__), str(settings.home), *where]


def start_detached(settings: Config, host: str | None = None, port: int | None = None) -> str:
    """Start Simyard in the background; answers with its address once it is ready. Raises Unavailable with the keeper's words."""
    log = settings.home / "log" / "up.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        log.write_bytes(b"\n")
    except OSError as error:
        raise Unavailable(
            "not-started",
            f"Simyard could not be started: {log} cannot be written ({error.strerror}). Free some space, and try again.",
        ) from None
    with log.open("wb") as words:
        keeper = subprocess.Popen(
            [*keeper_command(settings, host, port), "quiet"],
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            start_new_session=True,
        )
    home = str(settings.home)
    limit = time.monotonic() + _START_LIMIT
    while time.monotonic() < limit:
        known = alive.up(home)
        if known.get("ready") == ["1"]:
            return known["url"][0]
        if keeper.poll() is not None and not alive.keeper(home):
            raise Unavailable("not-started", f"Simyard could not be started. {alive.tail(str(log)).strip()}")
        time.sleep(0.01)
    keeper.terminate()
    raise Unavailable("not-started", f"Simyard did not become ready in {_START_LIMIT:.0f} s; see the logs in {log.parent}.")


@click.command()
@click.option("--host", help="Address to listen on (default: 127.0.0.1, or [web] host).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (default: 8760, or [web] port); 0 takes a free one.")
@click.option("--detach", "-d", is_flag=True, help="Go into the background once it is up.")
@json_option
def up(host: str | None, port: int | None, detach: bool, as_json: bool) -> None:
    """Start Simyard (web and supervisor), and say where it is.

    Ctrl-C stops it. Runs go on without it, and the next `simyard up` follows them again.
    """
    settings = config()
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if click.get_current_context().find_root().params.get("codes") and alive.keeper(str(settings.home)):
        note("Simyard was up before, and has the codes that it was started with: for those of --codes, `simyard down` first.")
    if not (detach or as_json):
        command = keeper_command(settings, host, port)
        sys.stdout.flush()
        # this process becomes the keeper, which needs a tenth of the memory
        os.execv(command[0], command)
    url = start_detached(settings, host, port)
    address = client().login_address()
    if as_json:
        tell_json({"url": url, "address": address, "home": str(settings.home), "keeper": alive.keeper(str(settings.home))})
        return
    note("Simyard is up. Open this address in a browser (it works once; `simyard open` makes another):", "")
    click.echo(f"  {address}")
    note("", "`simyard down` stops Simyard; runs go on without it.")


@click.command()
@click.option("--stop-runs", is_flag=True, help="Cancel all runs first, wait until they are gone, and leave no process behind.")
@json_option
def down(stop_runs: bool, as_json: bool) -> None:
    """Stop Simyard. Runs go on without it, unless --stop-runs."""
    home = str(config().home)
    keeper = alive.keeper(home)
    if alive.served(home):
        raise Conflict(
            "services", "Web and supervisor are services of their own here: whatever started them stops them, such as systemctl."
        )
    if stop_runs and not keeper and (any(alive.agents(home).values()) or _is_left_on_clusters()):
        # only the supervisor can say that a run is canceled
        note("Runs are going on without Simyard: starting it, to cancel them.")
        start_detached(config(), port=0)
        keeper = alive.keeper(home)
    canceled = _cancel_all() if stop_runs and keeper else []
    far = _on_clusters() if keeper else 0
    if keeper:
        if stop_runs:
            # while there is a supervisor to tell them that the last word of a run is kept
            alive.await_idle_agents(home, _SETTLE_LIMIT)
            alive.dismiss_far_agents(home)
        alive.end(keeper, alive.PATIENCE["keeper"])
    alive.stop_left_over(home)
    going = alive.stop_idle_agents(home) + far
    if as_json:
        tell_json({"stopped": bool(keeper), "canceled": canceled, "running": going})
    elif not keeper:
        note(f"Simyard was not running for {home}.")
    elif going:
        note(
            f"Stopped. {going} run{'s go' if going > 1 else ' goes'} on; `simyard up` follows again, `simyard down --stop-runs` ends them."
        )
    else:
        some = ", ".join(canceled[:5]) + (f" and {len(canceled) - 5} more" if len(canceled) > 5 else "")
        note(f"Stopped. Canceled: {some}." if canceled else "Stopped.")


def _is_left_on_clusters() -> bool:
    """Whether runs go on there without Simyard, by what it has written down."""
    settings = config()
    names = {name for name, target in settings.targets.items() if target.kind == SBATCH}
    if not names or not (settings.home / alive.SUPERVISOR_LOCK).exists():
        return False
    from sqlalchemy.exc import SQLAlchemyError  # here, because they take a while to import

    from simyard.store.engine import make_engine
    from simyard.store.runs import RunStore

    store = RunStore(make_engine(settings.jobs_url))
    try:
        return any(run.target in names for run in store.active())
    except SQLAlchemyError:
        return False  # there never was one
    finally:
        store.close()


def _on_clusters() -> int:
    """How many runs are in the queues of clusters, or run there: this machine knows nothing of them. 0 where that cannot be said."""
    names = {name for name, target in config().targets.items() if target.kind == SBATCH}
    if not names:
        return 0
    with contextlib.suppress(SimyardError), client() as server:
        states = ("starting", "running", "canceling")
        return sum(run.data["target"] in names for state in states for run in server.runs(state=state, limit=500))
    return 0


def _cancel_all() -> list[str]:
    """Cancel what has not ended, and wait until it is gone; answers with the ids. Raises Unavailable when nothing goes on."""
    canceled: set[str] = set()
    with client() as server:
        left, since = -1, time.monotonic()
        # those that wait first, so that none of them takes the place of one that has gone
        while active := [
            run for state in ("pending", "starting", "running", "canceling") for run in server.runs(state=state, limit=500)
        ]:
            for run in active:
                if run.id not in canceled:
                    run.cancel()
                    canceled.add(run.id)
            if len(active) != left:
                left, since = len(active), time.monotonic()
            elif time.monotonic() - since > _STOP_LIMIT:
                raise Unavailable(
                    "not-canceled",
                    f"{left} runs are still being canceled after {_STOP_LIMIT:.0f} s; `simyard run list` shows them.",
                )
            time.sleep(0.05)
    return sorted(canceled)


@click.command()
@json_option
def status(as_json: bool) -> None:
    """What is running, and where. Exit status 3 when Simyard is not up."""
    settings = config()
    home = str(settings.home)
    keeper = alive.keeper(home)
    known = alive.up(home)
    url = known.get("url", [""])[0] or alive.served(home)
    processes = {name: int(values[0]) for name, values in known.items() if name in {"keeper", "web", "supervisor"}}
    processes = processes or alive.services(home)
    agents = {
        str(Path(folder).relative_to(settings.home)): {"pid": alive.owner(os.path.join(folder, "lock")), "runs": runs}
        for folder, runs in alive.agents(home).items()
    }
    if as_json:
        tell_json({"home": home, "up": bool(keeper or url), "url": url, "processes": processes, "agents": agents})
    else:
        click.echo(f"Simyard is up at {url}" if keeper or url else "Simyard is not up. `simyard up` starts it.")
        click.echo(f"home: {home}")
        for name, pid in processes.items():
            click.echo(f"{name}: process {pid}")
        for folder, agent in agents.items():
            process = f"process {agent['pid']}" if agent["pid"] else "not running"
            click.echo(f"{folder}: {process}, runs under way: {agent['runs']}")
    if not (keeper or url):
        raise click.exceptions.Exit(AWAY)


@click.command("open")
@click.option("--print", "only_print", is_flag=True, help="Only write the address; start no browser.")
@json_option
def open_(only_print: bool, as_json: bool) -> None:
    """Make a fresh address that opens the page in a browser, once, and open it where there is a browser."""
    show_in_browser("", only_print=only_print, as_json=as_json)


def show_in_browser(where: str, *, only_print: bool, as_json: bool) -> None:
    """Make a one-time address that leads to `where` of the page; open it, or write it."""
    address = client().login_address(where)
    if as_json:
        tell_json({"address": address})
        return
    click.echo(address)
    if only_print or not sys.stdout.isatty():
        return
    import webbrowser

    try:
        webbrowser.open(address)
    except webbrowser.Error as error:
        raise SimyardError("no-browser", f"No browser could be started ({error}): open the address yourself.") from None
