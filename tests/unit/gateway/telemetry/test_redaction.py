"""A log line holds known keys of known shapes; whatever else was handed over is counted and gone."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RequestError
from gateway.telemetry import KNOWN_KEYS, configure_log, get_logger, silence_log
from gateway.telemetry.redaction import redact

SECRET = "13800138000"
SAMPLES: dict[str, Any] = {
    "agreement_id": "7f1c2c1e-6f0e-4d2a-9a53-0f5d0f6a2b11",
    "cancelled": True,
    "code": "NOT_FOUND",
    "correlation_id": "0123456789abcdef",
    "exception": "ValueError",
    "family": "StateError",
    "job_id": "7f1c2c1e-6f0e-4d2a-9a53-0f5d0f6a2b11",
    "listen": "127.0.0.1:7443",
    "logger": "sqlalchemy.engine.Engine",
    "method": "JobServicer.GetJob",
    "module": "server",
    "operation": "MATCH",
    "party": "platform-b",
    "reason": "BAD_FIELD",
    "service": "gateway.v1",
    "session_id": "ab" * 32,
    "side": "RECEIVER",
    "signal": "SIGTERM",
    "state": "EXCHANGING",
    "version": "0.1.0",
    "waiting_for": "PEER",
    "worker": "worker-1",
}


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    kept, root.handlers, raised = root.handlers, [], logging.raiseExceptions
    out = io.StringIO()
    configure_log("info", stream=out)
    yield out
    root.handlers, logging.raiseExceptions = kept, raised


def _logged(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_known_keys_of_known_shapes_are_kept(lines: io.StringIO) -> None:
    fields = {key: SAMPLES.get(key, 7) for key in KNOWN_KEYS}
    get_logger().info("sampled", **fields)
    (line,) = _logged(lines)
    assert {key: line[key] for key in KNOWN_KEYS} == fields
    assert (line["event"], line["level"]) == ("sampled", "info")
    assert "withheld" not in line


def test_no_shape_takes_a_phone_number_or_an_address_in_text() -> None:
    """Identifiers come as text; a number of rows is a number."""
    for key, shape in KNOWN_KEYS.items():
        for value in ("+8613800138000", "张三", "a@b.example", "13800138000", "110101199003070017"):
            assert not shape(value), key


@given(
    st.dictionaries(
        st.text(max_size=20).filter(lambda key: key not in KNOWN_KEYS and not key.startswith("_")),
        st.one_of(st.text(), st.integers(), st.binary(), st.lists(st.text())),
    ),
    st.text(),
)
def test_unknown_keys_and_free_text_never_pass(fields: dict[str, Any], event: str) -> None:
    kept = redact(None, "info", {**fields, "event": event, "level": "info", "timestamp": "t"})
    assert set(kept) <= {"event", "level", "timestamp", "withheld"}
    assert kept["event"] == "unnamed" or kept["event"] == event.lower()


@pytest.mark.parametrize("key", sorted(KNOWN_KEYS))
def test_a_known_key_with_another_value_is_withheld(lines: io.StringIO, key: str) -> None:
    get_logger().info("sampled", **{key: [SECRET]})
    (line,) = _logged(lines)
    assert key not in line
    assert line["withheld"] == 1
    assert SECRET not in lines.getvalue()


def test_a_sentence_is_no_event(lines: io.StringIO) -> None:
    get_logger().info(f"customer {SECRET} matched")
    get_logger().info("customer %s matched", SECRET)
    assert [line["event"] for line in _logged(lines)] == ["unnamed", "unnamed"]
    assert SECRET not in lines.getvalue()


def _fail() -> None:
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        raise ValueError(f"row of {SECRET}") from error


@pytest.mark.parametrize("how", ["argument", "true", "exception"])
def test_an_exception_is_its_type_and_places(lines: io.StringIO, how: str) -> None:
    try:
        _fail()
    except ValueError as error:
        if how == "argument":
            get_logger().error("failed", exc_info=error)
        elif how == "true":
            get_logger().error("failed", exc_info=True)
        else:
            get_logger().exception("failed")
    (line,) = _logged(lines)
    assert (line["exception"], line["cause"]) == ("ValueError", "KeyError")
    assert line["places"][-1].endswith(":_fail")
    assert SECRET not in lines.getvalue()


def test_other_libraries_keep_their_origin_and_lose_their_text(lines: io.StringIO) -> None:
    library = logging.getLogger("sqlalchemy.engine")
    try:
        raise ValueError(SECRET)
    except ValueError:
        library.exception("INSERT with %s", SECRET)
    library.warning(f"parameters {SECRET}")
    library.info("below the level of libraries")
    first, second = _logged(lines)
    assert (first["event"], first["logger"], first["exception"]) == ("library", "sqlalchemy.engine", "ValueError")
    assert second["module"] == "test_redaction"
    assert SECRET not in lines.getvalue()


def test_a_broken_line_prints_nothing(lines: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    class Breaks:
        def __bool__(self) -> bool:
            raise ValueError(SECRET)

    logging.getLogger("library").warning("%d", SECRET)
    get_logger().info("sampled", rows=Breaks())
    assert SECRET not in lines.getvalue()
    assert SECRET not in capsys.readouterr().err


def test_levels_are_kept(lines: io.StringIO) -> None:
    get_logger().debug("hidden")
    assert lines.getvalue() == ""


def test_a_file_is_private(lines: io.StringIO, tmp_path: Path) -> None:
    path = tmp_path / "assent.log"
    configure_log("info", path=path)
    get_logger().info("started", port=7443)
    logging.getLogger().handlers[0].close()
    assert json.loads(path.read_text())["port"] == 7443
    assert path.stat().st_mode & 0o077 == 0


def test_silence_is_silent(lines: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    silence_log()
    get_logger().error("failed")
    logging.getLogger("library").error("failed")
    assert lines.getvalue() == ""
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("arguments", [{"level": "loud"}, {"path": Path("/proc/nowhere/assent.log")}])
def test_bad_settings_are_named(lines: io.StringIO, arguments: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=r"field log\."):
        configure_log(**arguments)
