"""Writing assent.toml: the first one, and a data set at its end; the rest stays as people wrote it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.errors import RequestError, StateError
from gateway.settings.load import FILE, check, read_file
from gateway.settings.sink_table import SinkSettings
from gateway.settings.tables import DATASET_NAME, DatasetSettings, UnionSettings

_MODE = 0o600  # the store's URL may hold a password

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")

_HEAD = """\
# Settings of this gateway. Flags, ASSENT_TABLE__KEY in the environment and the secrets
# directory stand above this file; `assent config show` says where each value comes from.
"""


def write_default(
    home: Path,
    party: Mapping[str, object],
    server: Mapping[str, object] | None = None,
    store: Mapping[str, object] | None = None,
) -> Path:
    """Write the first assent.toml of a home.

    Args:
        home: the home; created 0700 when absent.
        party: keys of [party]; id and legal_name at least.
        server: keys of [server] that differ from the defaults.
        store: keys of [store] that differ from the defaults.

    Returns:
        The file's path.

    Raises:
        RequestError: BAD_FIELD for a wrong key or value.
        StateError: REVISION_CONFLICT when there is a file already; DISK_FULL.
    """
    tables = {"party": dict(party), "server": dict(server or {}), "store": dict(store or {})}
    check(home, tables)
    text = _HEAD + "".join(_table(name, keys) for name, keys in tables.items() if keys)
    path = home / FILE
    with _written(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(home):
            if path.exists():
                raise StateError("REVISION_CONFLICT", f"the home has a file {FILE} already, which is never overwritten")
            _replace(path, text)
    return path


def add_dataset(
    home: Path, name: str, dataset: Mapping[str, object], part: str = ""
) -> DatasetSettings | UnionSettings:
    """Declare a data set, or one more of the sources that make it: append its table to assent.toml.

    Args:
        home: the home.
        name: 1 to 63 of a-z, 0-9, _ and -, beginning with a letter.
        dataset: keys of its table; a relative path is one from here, and is stored absolute.
        part: name of the source among those that make the data set; "" where it is the only one.

    Returns:
        The data set as declared.

    Raises:
        RequestError: BAD_FIELD for a wrong name or key, or an assent.toml that cannot be appended to.
        StateError: REVISION_CONFLICT when the name, or the part, is declared already; NOT_FOUND
            without an assent.toml; DISK_FULL.
    """
    for called in (name, part or name):
        if DATASET_NAME.fullmatch(called) is None:
            raise RequestError(
                "BAD_FIELD",
                "the name of a data set, and of a part, must be 1 to 63 of a-z, 0-9, _ and -, beginning with a letter",
            )
    keys = _located(dataset)
    with _written(home), _locked(home):
        before = read_file(home)
        declared = before.get("datasets", {})
        known = declared.get(name) if isinstance(declared, Mapping) else None
        parts = known.get("parts", {}) if part and isinstance(known, Mapping) else {}
        if known is not None and (not parts or part in parts):
            what = f"a part {part} of data set {name}" if part and parts else f"a data set {name}"
            raise StateError("REVISION_CONFLICT", f"{what} is declared already; choose another name or edit {FILE}")
        path = (home / FILE).resolve()
        text = path.read_text(encoding="utf-8")
        if text and not text.endswith("\n"):
            text += "\n"
        text += _table(f"datasets.{name}.parts.{part}" if part else f"datasets.{name}", keys)
        after = _appended(text, before, name, {"parts": {**parts, part: keys}} if part else keys)
        added = check(home, after).datasets[name]
        _replace(path, text)
    return added


def checked_dataset(
    home: Path, name: str, dataset: Mapping[str, object], part: str = ""
) -> DatasetSettings | UnionSettings:
    """Return a data set as `add_dataset` would declare it, if it were the only one; nothing is written.

    Raises:
        RequestError: BAD_FIELD for a wrong name or key.
        StateError: NOT_FOUND without an assent.toml.
    """
    keys = _located(dataset)
    tables = {**read_file(home), "datasets": {name: {"parts": {part: keys}} if part else keys}}
    return check(home, tables).datasets[name]


def _located(dataset: Mapping[str, object]) -> dict[str, object]:
    keys = dict(dataset)
    if isinstance(keys.get("path"), str | Path):
        keys["path"] = str(Path(str(keys["path"])).absolute())
    return keys


def add_sink(home: Path, name: str, sink: Mapping[str, object]) -> SinkSettings:
    """Declare a sink: append its table to assent.toml.

    Args:
        home: the home.
        name: 1 to 63 of a-z, 0-9, _ and -, beginning with a letter.
        sink: as [sinks.NAME] has it; a relative path is one from here, and is stored absolute.

    Returns:
        The sink as declared.

    Raises:
        RequestError: BAD_FIELD for a wrong name or key, or an assent.toml that cannot be appended to.
        StateError: REVISION_CONFLICT when the name is declared already; NOT_FOUND without an assent.toml; DISK_FULL.
    """
    if DATASET_NAME.fullmatch(name) is None:
        raise RequestError(
            "BAD_FIELD", "the name of a sink must be 1 to 63 of a-z, 0-9, _ and -, beginning with a letter"
        )
    keys = _located(sink)
    with _written(home), _locked(home):
        before = read_file(home)
        if name in before.get("sinks", {}):
            raise StateError(
                "REVISION_CONFLICT", f"a sink {name} is declared already; choose another name or edit {FILE}"
            )
        path = (home / FILE).resolve()
        text = path.read_text(encoding="utf-8")
        text = text.rstrip("\n") + "\n" + _table(f"sinks.{name}", keys)
        added = check(home, _appended(text, before, name, keys, "sinks")).sinks[name]
        _replace(path, text)
    return added


def _appended(
    text: str, before: dict[str, Any], name: str, keys: Mapping[str, object], table: str = "datasets"
) -> dict[str, Any]:
    """Read the new text back: it must say what the old one said, and the new table."""
    try:
        after = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        after = {}
    expected = before | {table: {**before.get(table, {}), name: _as_read(keys)}}
    if after != expected:
        what = "data sets" if table == "datasets" else table
        raise RequestError(
            "BAD_FIELD", f"{FILE} writes its {what} in a form that cannot be appended to; use [{table}.NAME] tables"
        )
    return after


def _as_read(value: object) -> object:
    """Return a value as TOML gives it back: arrays are lists."""
    if isinstance(value, Mapping):
        return {key: _as_read(held) for key, held in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _table(name: str, keys: Mapping[str, object]) -> str:
    """Write a table, and those within it behind it."""
    values = {key: value for key, value in keys.items() if not isinstance(value, Mapping)}
    text = f"\n[{name}]\n" + "".join(f"{_key(key)} = {_literal(key, value)}\n" for key, value in values.items())
    return text + "".join(
        _table(f"{name}.{_key(key)}", value) for key, value in keys.items() if isinstance(value, Mapping) and value
    )


def _key(name: str) -> str:
    """Write a key as it is where TOML takes it so; names of columns may hold anything."""
    return name if _BARE_KEY.fullmatch(name) else _literal("a column", name)


def _literal(key: str, value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_literal(key, one) for one in value)}]"
    if isinstance(value, bool) or not isinstance(value, str | int | Path):
        raise RequestError("BAD_FIELD", f"{key} must be text or a whole number")
    if isinstance(value, int):
        return str(value)
    if not str(value).isprintable():
        raise RequestError("BAD_FIELD", f"{key} must hold printable characters only")
    # The escapes of JSON are escapes of TOML's basic strings.
    return json.dumps(str(value), ensure_ascii=False)


@contextlib.contextmanager
def _written(home: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise StateError("NOT_FOUND", f"the home or its {FILE} is not there; run `assent keys init` first") from error
    except OSError as error:
        raise StateError("DISK_FULL", f"{FILE} could not be written; check space and permissions") from error


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, text: str) -> None:
    """Write the file whole or not at all, keeping its permissions."""
    mode = path.stat().st_mode & 0o777 if path.exists() else _MODE
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        fresh.unlink(missing_ok=True)
