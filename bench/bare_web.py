"""The peer of a status request, first half: a bare Flask handler that asks a process behind it over a kept Unix connection."""

from __future__ import annotations

import http.client
import os
import socket

from flask import Flask, Response

app = Flask(__name__)
kept: list[http.client.HTTPConnection] = []


@app.get("/status")
def status() -> Response:
    connection = kept.pop() if kept else http.client.HTTPConnection("behind")
    if connection.sock is None:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(os.environ["BARE_SOCKET"])
    connection.request("POST", "/run_status", b"{}")
    body = connection.getresponse().read()
    kept.append(connection)
    return Response(body, content_type="application/json")
