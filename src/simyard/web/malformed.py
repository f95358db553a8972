"""Stop 1, web: what gunicorn's parser refuses before the application hears of it, answered as a problem like everything else."""

from __future__ import annotations

import json
from http import HTTPStatus

from gunicorn.http import errors

#: Where the general words are not the whole story: error → status, code, words.
_WORDS = {
    errors.LimitRequestLine: (414, "address-too-long", "The address is too long; what is long belongs into the body."),
    errors.LimitRequestHeaders: (431, "headers-too-large", "The headers are too large, or too many; send fewer or shorter ones."),
    errors.UnsupportedTransferCoding: (501, "unsupported-coding", "Send the body as it is, or with Transfer-Encoding: chunked."),
    errors.ExpectationFailed: (417, "expectation-failed", "Of the expectations, only 100-continue is known here."),
}
_OTHERS = (400, "malformed-request", "This is not a request of HTTP/1.1 as this server understands it.")


def answer_to(error: BaseException) -> bytes | None:
    """The bytes of the answer to what the parser raised; None for what is not the client's fault."""
    if not isinstance(error, errors.ParseException):
        return None
    status, code, detail = _WORDS.get(type(error), _OTHERS)
    title = HTTPStatus(status).phrase
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}).encode()
    head = (
        f"HTTP/1.1 {status} {title}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\nX-Content-Type-Options: nosniff\r\n\r\n"
    )
    return head.encode("latin-1") + body
