"""The log: one JSON object per line, made of known keys only."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any, TextIO, cast

import structlog

from gateway.errors import RequestError
from gateway.telemetry.redaction import redact, withhold_text

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_log(level: str = "info", path: Path | None = None, stream: TextIO | None = None) -> None:
    """Send the process's log to one place; called once, by the composition root.

    Args:
        level: "debug", "info", "warning" or "error"; other libraries speak from "warning" on.
        path: file to append to (created with mode 0600); None means `stream`.
        stream: open text stream; None means stderr.

    Raises:
        RequestError: BAD_FIELD when the level is unknown or the file cannot be opened.
    """
    if level not in _LEVELS:
        raise RequestError("BAD_FIELD", "field log.level must be debug, info, warning or error")
    handler: logging.Handler
    if path is not None:
        try:
            path.touch(mode=0o600, exist_ok=True)
            handler = logging.FileHandler(path, encoding="utf-8")
        except OSError as error:
            raise RequestError("BAD_FIELD", "field log.path names a file that cannot be written") from error
    else:
        handler = logging.StreamHandler(stream or sys.stderr)
    _install(handler, level)


def silence_log() -> None:
    """Drop every line, for commands whose output is for people."""
    _install(logging.NullHandler(), "error")


def get_logger() -> structlog.stdlib.BoundLogger:
    """Return the logger. Events are static lower-case names, e.g. `log.info("job_leased", job_id=...)`."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger())


def _install(handler: logging.Handler, level: str) -> None:
    """Make one handler the only way out, for our lines and for those of other libraries."""
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, _timestamp(), withhold_text],
            # Redaction is the last act before rendering: no processor can add a key behind it.
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    # When a line cannot be written, the standard library would print its values to stderr instead.
    logging.raiseExceptions = False
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(max(_LEVELS[level], logging.WARNING))
    logging.getLogger("assent").setLevel(_LEVELS[level])
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            _timestamp(),
            _resolve_exception,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=_assent_logger,
        cache_logger_on_first_use=False,
    )


def _assent_logger(*args: Any) -> logging.Logger:
    return logging.getLogger("assent")


def _timestamp() -> structlog.processors.TimeStamper:
    return structlog.processors.TimeStamper(fmt="iso", utc=True)


def _resolve_exception(logger: object, level: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Resolve `exc_info=True` while the exception is still being handled."""
    if line.get("exc_info") is True:
        line["exc_info"] = sys.exc_info()
    return line
