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
import socket
import sys
from functools import partial
from typing import Any

import gevent
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.app.base import BaseApplication
from gunicorn.workers.ggevent import GeventWorker

from simyard.config import Config
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
        self.told = Event()

    def run(self) -> None:
        pool = Pool(self.worker_connections)
        servers = [StreamServer(sock, handle=partial(self.handle, sock), spawn=pool) for sock in self.sockets]
        for server in servers:
            server.socket.setblocking(True)
            if self.cfg.workers > 1:
                server.max_accept = 1
            server.start()
        while self.alive:
            self.notify()
            self.told.wait(1.0)
        for server in servers:
            server.close()
        self.app.fanout.close()
        with contextlib.suppress(gevent.Timeout), gevent.Timeout(GRACE):
            while self.busy:
                gevent.sleep(0.01)

    def handle_request(self, *args: Any) -> Any:
        self.busy += 1
        try:
            return super().handle_request(*args)
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
    """The only worker, without an arbiter: nobody waits for its heartbeat, and its parent may come and go."""

    def notify(self) -> None:
        pass


class Application(BaseApplication):  # type: ignore[misc]
    """Gunicorn's view of web. The application is made in the worker: a database connection must not cross a fork."""

    def __init__(self, config: Config, listener: socket.socket) -> None:
        self.simyard = config
        self.url = url_of(listener)
        self.fd = listener.detach()  # gunicorn's from here on: it makes a socket of its own of it
        self.fanout: Any = None
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": [f"fd://{self.fd}"],
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
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from simyard.web.app import create_app, make_services

        services = make_services(self.simyard, self.url)
        self.fanout = services.fanout
        app = create_app(services)
        gc.collect()
        gc.freeze()  # what is there now stays: the collector need not look at it again
        return app


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; `port` 0 takes a free one."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    return listener


def inherited(fd: int) -> socket.socket:
    """The listening socket that the process keeper has handed over."""
    return socket.socket(fileno=os.dup(fd))


def url_of(listener: socket.socket) -> str:
    """Where a browser on this machine finds it."""
    host, port = listener.getsockname()[:2]
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{local}]:{port}" if ":" in local else f"http://{local}:{port}"


def serve(config: Config, listener: socket.socket) -> int:
    """Serve until SIGTERM or SIGINT; answers with the exit status."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    application = Application(config, listener)
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
    try:
        worker.init_process()
    except SystemExit as end:
        return int(end.code or 0)
    return 0
