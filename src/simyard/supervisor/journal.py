"""What the supervisor writes down: one JSON object a line on stderr. Standard library only, because imports are start-up time.

Nothing secret is ever passed to it: secrets of agents, the door's secret and answers to prompts are not logged by anybody.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

from simyard.clock import to_iso


class Journal:
    """A logger whose lines are an event in words, and fields: `journal.info("agent connected", agent=…)`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **fields: Any) -> None:
        self._logger.info(event, extra={"fields": fields})

    def warning(self, event: str, **fields: Any) -> None:
        self._logger.warning(event, extra={"fields": fields})

    def error(self, event: str, **fields: Any) -> None:
        self._logger.error(event, extra={"fields": fields})

    def failure(self, event: str, error: BaseException, **fields: Any) -> None:
        """An error with its traceback."""
        self._logger.error(event, extra={"fields": fields}, exc_info=error)


class JsonLines(logging.Formatter):
    """One line a record, whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": to_iso(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(level: int = logging.INFO) -> None:
    """All loggers of the process (Tornado's and asyncio's too) write JSON lines to stderr."""
    logging.Formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
