"""Stop 1, web: the process: gunicorn's gevent worker on a listening socket that was handed over or is made here.

One worker needs no arbiter: the process keeper already starts again what dies, and an arbiter would be one more process
in memory. With more than one (`[web] workers`), gunicorn's arbiter keeps them. In either case the standard library is
patched by gevent before anything that could open a socket is imported.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import gevent
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.app.base import BaseApplication
from gunicorn.workers.ggevent import GeventWorker

from simyard import notify
from simyard.again import begin_again
from simyard.config import Config
from simyard.config import load as read_settings
from simyard.errors import SimyardError
from simyard.web.listening import url_of
from simyard.web.malformed import answer_to

#: Open connections of one worker: event streams and everything else.
MAX_CONNECTIONS = 8000
#: Requests that are under way get so long to end when web is told to stop (seconds); event streams end at once.
GRACE = 1.5
#: An idle connection is kept for so long (seconds).
KEEP_ALIVE = 75


class Worker(GeventWorker):  # type: ignore[misc]
    """Gunicorn's gevent worker, stopped by an event: it ends in a moment, whoever keeps an idle connection."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.busy = 0
        #: Connections whose first request has not been read yet: it may be on its way, and whoever sends it was not refused.
        self.fresh: set[int] = set()
        self.told = Event()

    def run(self) -> None:
        pool = Pool(self.worker_connections)
        servers = [StreamServer(sock, handle=partial(self.handle, sock), spawn=pool) for sock in self.sockets]
        for server in servers:
            server.socket.setblocking(True)
            if self.cfg.workers > 1:
                server.max_accept = 1
            server.start()
        self.on_ready()
        while self.alive:
            self.notify()
            self.told.wait(1.0)
        for server in servers:
            server.stop_accepting()
        # what was accepted in this turn of the loop begins in the next, and asks its listener for its name
        gevent.sleep(0.01)
        for server in servers:
            server.close()
        self.app.fanout.close()
        with contextlib.suppress(gevent.Timeout), gevent.Timeout(GRACE):
            while self.busy or self.fresh:
                gevent.sleep(0.01)

    def on_ready(self) -> None:
        """It takes requests; the arbiter says so for all of its workers."""

    def notify(self) -> None:
        super().notify()
        notify.tell(notify.ALIVE)

    def handle(self, listener: socket.socket, client: socket.socket, addr: Any) -> None:
        self.fresh.add(id(client))
        try:
            super().handle(listener, client, addr)
        finally:
            self.fresh.discard(id(client))

    def handle_request(self, listener: Any, req: Any, client: socket.socket, addr: Any) -> Any:
        self.busy += 1
        self.fresh.discard(id(client))
        try:
            return super().handle_request(listener, req, client, addr)
        finally:
            self.busy -= 1

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        refusal = answer_to(exc)
        if refusal is None:
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("refused what is no request: %.200s", exc)
        with contextlib.suppress(OSError):  # whoever sends garbage may not wait for the answer
            client.sendall(refusal)

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        self.told.set()

    def handle_quit(self, sig: int, frame: Any) -> None:
        self.handle_exit(sig, frame)


class LoneWorker(Worker):
    """The only worker, without an arbiter: its parent may come and go. `again`: it was told to read its settings anew."""

    again = False

    def init_signals(self) -> None:
        super().init_signals()
        signal.signal(signal.SIGHUP, self.handle_reload)

    def handle_reload(self, sig: int, frame: Any) -> None:
        if _read_again(self.app.simyard) is not None:
            self.again = True
            self.handle_exit(sig, frame)

    def on_ready(self) -> None:
        notify.tell(notify.READY)

    def notify(self) -> None:
        notify.tell(notify.ALIVE)


class Application(BaseApplication):  # type: ignore[misc]
    """Gunicorn's view of web. The application is made in the worker: a database connection must not cross a fork."""

    def __init__(self, config: Config, listeners: Sequence[socket.socket]) -> None:
        self.simyard = config
        self.url = url_of(listeners[0])
        #: Stay open when the worker closes its own, for the one that begins again: nobody is refused meanwhile.
        self.kept = [os.dup(listener.fileno()) for listener in listeners]
        self.fds = [listener.detach() for listener in listeners]  # gunicorn's from here on: it makes sockets of its own of them
        self.fanout: Any = None
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": [f"fd://{fd}" for fd in self.fds],
            "workers": self.simyard.web.workers,
            "worker_class": Worker,
            "worker_connections": MAX_CONNECTIONS,
            "keepalive": KEEP_ALIVE,
            "graceful_timeout": 3,
            "timeout": 60,
            "control_socket_disable": True,
            "limit_request_line": 8190,
            "limit_request_fields": 60,
            "proc_name": "simyard-web",
            "umask": 0o077,
            # what a proxy says is heard in one place only (simyard.web.proxied)
            "forwarded_allow_ips": "",
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def reload(self) -> None:
        """For new workers of the arbiter's, on SIGHUP."""
        if (settings := _read_again(self.simyard)) is not None:
            self.simyard = settings
            super().reload()

    def load(self) -> Any:
        from simyard.web import tidying
        from simyard.web.app import create_app, make_services

        services = make_services(self.simyard, self.url)
        self.fanout = services.fanout
        tidying.start(services)
        app = create_app(services)
        gc.collect()
        gc.freeze()  # what is there now stays: the collector need not look at it again
        return app


def _read_again(settings: Config) -> Config | None:
    """The settings as they are now; None, and a line in the log, where they cannot be used."""
    try:
        return read_settings(os.environ, settings.home)
    except SimyardError as error:
        words = "the new settings are wrong; going on with those that were: %s"
        logging.getLogger("simyard.web").error(words, error.detail)  # noqa: TRY400 - a traceback would say no more
        return None


def serve(config: Config, listeners: Sequence[socket.socket]) -> int:
    """Serve until SIGTERM or SIGINT; answers with the exit status."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    application = Application(config, listeners)
    if config.web.workers > 1:
        from gunicorn.arbiter import Arbiter

        Arbiter(application).run()
        return 0
    return _serve_alone(application)


def _serve_alone(application: Application) -> int:
    from gunicorn import sock, util

    cfg = application.cfg
    util._setproctitle(f"worker [{cfg.proc_name}]")  # noqa: SLF001 - as gunicorn's own arbiter does
    log = cfg.logger_class(cfg)
    sockets = sock.create_sockets(cfg, log)
    worker = LoneWorker(0, os.getppid(), sockets, application, cfg.timeout, cfg, log)
    status = 0
    try:
        worker.init_process()
    except SystemExit as end:
        status = int(end.code or 0)
    notify.tell(notify.RELOADING if worker.again else notify.STOPPING)
    if worker.again:
        for fd in application.kept:
            os.set_inheritable(fd, True)
        begin_again(_command(application.kept))
    return status


def _command(fds: Sequence[int]) -> list[str]:
    """As this process was started, but with listening sockets that are there already."""
    words = sys.orig_argv[1:]
    while "--fd" in words:
        at = words.index("--fd")
        del words[at : at + 2]
    return [*words, *(word for fd in fds for word in ("--fd", str(fd)))]
