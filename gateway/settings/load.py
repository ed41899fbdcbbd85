"""Merging: flags > environment `ASSENT_TABLE__KEY` > secrets directory > assent.toml > defaults.

The secrets directory is `ASSENT_SECRETS_DIR`, else systemd's `CREDENTIALS_DIRECTORY`;
its files are called `table__key`, e.g. `store__url`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import EnvSettingsSource, NestedSecretsSettingsSource, SettingsError

from gateway.errors import RequestError, StateError
from gateway.settings.tables import ENV_PREFIX, NESTED, TAGS, DatasetSettings, Settings, UnionSettings

FILE = "assent.toml"
_MAX_FILE = 1 << 20  # bytes
_ERRORS_SHOWN = 5


def load_settings(home: Path, overrides: Mapping[str, Mapping[str, object]] | None = None) -> Settings:
    """Read the settings of a home.

    Args:
        home: `$ASSENT_HOME`.
        overrides: flags by table and key; None stands for a flag that was not given.

    Raises:
        StateError: NOT_FOUND without an assent.toml.
        RequestError: BAD_FIELD naming each unknown or wrong key and where it stands, never its value.
    """
    home = home.absolute()
    layers = (
        ("flag", _flags(overrides or {})),
        ("environment", _environment()),
        ("secrets directory", _secrets()),
        (FILE, read_file(home)),
    )
    sources: dict[str, str] = {}
    merged: dict[str, Any] = {}
    for name, layer in reversed(layers):
        _merge(merged, layer)
        sources |= dict.fromkeys(keys_of(layer), name)
    return _checked(home, merged, sources)


def load_datasets(
    home: Path, overrides: Mapping[str, Mapping[str, object]] | None = None
) -> Mapping[str, DatasetSettings | UnionSettings]:
    """Read the declared data sets as they are now, by name; paths are absolute.

    Raises:
        StateError: as `load_settings`.
        RequestError: as `load_settings`.
    """
    return load_settings(home, overrides).datasets


def read_file(home: Path) -> dict[str, Any]:
    """Return assent.toml as it stands.

    Raises:
        StateError: NOT_FOUND.
        RequestError: BAD_FIELD when it is not TOML.
    """
    try:
        with (home / FILE).open("rb") as file:
            content = file.read(_MAX_FILE + 1)
    except FileNotFoundError as error:
        raise StateError(
            "NOT_FOUND", f"the home has no {FILE}; run `assent keys init` first, or name the home"
        ) from error
    except OSError as error:
        raise RequestError("BAD_FIELD", f"{FILE} cannot be read ({error.strerror}); check its permissions") from error
    if len(content) > _MAX_FILE:
        raise RequestError("BAD_FIELD", f"{FILE} is longer than 1 MiB; that cannot be meant")
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise RequestError("BAD_FIELD", f"{FILE} is not UTF-8; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        # The message names line and column; a message that quotes the line would quote a password.
        raise RequestError("BAD_FIELD", f"{FILE} is not TOML {_position(error)}; correct that line") from error


def check(home: Path, tables: Mapping[str, Any]) -> Settings:
    """Check tables as if they were the whole assent.toml.

    Raises:
        RequestError: BAD_FIELD.
    """
    return _checked(home, dict(tables), dict.fromkeys(keys_of(tables), FILE))


def keys_of(tables: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys of nested tables."""
    for key, value in tables.items():
        if isinstance(value, Mapping):
            yield from keys_of(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _checked(home: Path, merged: dict[str, Any], sources: dict[str, str]) -> Settings:
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        raise RequestError("BAD_FIELD", _problems(error, sources)) from None
    except TypeError as error:
        raise RequestError("BAD_FIELD", f"{FILE} has a key that is no name; correct it") from error
    store, engine = settings.store, settings.engine
    if not store.url.get_secret_value():
        store = store.model_copy(update={"url": SecretStr(f"sqlite+aiosqlite:///{home / 'assent.db'}")})
    processors = len(os.sched_getaffinity(0))
    engine = engine.model_copy(
        update={
            "threads": engine.threads or min(processors, 256),
            "processes": engine.processes or min(processors, 64),
        }
    )
    located = settings.model_copy(
        update={
            "store": store,
            "engine": engine,
            "log": settings.log.model_copy(
                update={
                    "signer": home / settings.log.signer,
                    "policy": str(home / settings.log.policy) if settings.log.policy else "",
                }
            ),
            "spool": settings.spool.model_copy(update={"directory": home / settings.spool.directory}),
            "datasets": {name: dataset.located(home) for name, dataset in settings.datasets.items()},
            "sinks": {name: sink.located(home) for name, sink in settings.sinks.items()},
        }
    )
    located._home = home
    located._sources = sources
    return located


def _flags(overrides: Mapping[str, Mapping[str, object]]) -> dict[str, Any]:
    given = {
        table: {key: value for key, value in keys.items() if value is not None} for table, keys in overrides.items()
    }
    return {table: keys for table, keys in given.items() if keys}


def _environment() -> dict[str, Any]:
    for name in os.environ:
        table, nested, _ = name.removeprefix(ENV_PREFIX).partition(NESTED)
        # Single words such as ASSENT_HOME are no settings; ASSENT_SERVR__... is a mistake that would go unnoticed.
        if name.startswith(ENV_PREFIX) and nested and table.lower() not in Settings.model_fields:
            raise RequestError("BAD_FIELD", f"{name} in the environment names no table of {FILE}; correct or unset it")
    try:
        return EnvSettingsSource(Settings)()
    except (SettingsError, ValueError):
        raise RequestError("BAD_FIELD", f"a variable {ENV_PREFIX}... in the environment cannot be read") from None


def _secrets() -> dict[str, Any]:
    folder = os.environ.get(f"{ENV_PREFIX}SECRETS_DIR") or os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return {}
    try:
        return NestedSecretsSettingsSource(
            Settings,  # type: ignore[arg-type]  # documented: a settings class is taken too
            secrets_dir=folder,
            secrets_dir_missing="error",
            secrets_prefix="",
            secrets_nested_delimiter=NESTED,
        )()
    except (SettingsError, ValueError, OSError):
        raise RequestError(
            "BAD_FIELD", "the secrets directory cannot be read; check that it exists and holds small text files"
        ) from None


def _merge(into: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        if isinstance(value, Mapping):
            below = into.get(key)
            into[key] = dict(below) if isinstance(below, Mapping) else {}
            _merge(into[key], value)
        else:
            into[key] = value


def _problems(error: ValidationError, sources: Mapping[str, str]) -> str:
    lines = []
    for found in error.errors(include_url=False, include_context=False, include_input=False)[:_ERRORS_SHOWN]:
        key = ".".join(str(part) for part in found["loc"] if not str(part).startswith(("function-", "literal[", *TAGS)))
        source = next((name for known, name in sources.items() if known == key or known.startswith(f"{key}.")), FILE)
        problem = "is unknown" if found["type"] == "extra_forbidden" else found["msg"]
        lines.append(f"{key} ({source}): {problem}")
    return "settings are wrong: " + "; ".join(dict.fromkeys(lines))


def _position(error: tomllib.TOMLDecodeError) -> str:
    text = str(error)
    at = text.rfind("(at ")
    return text[at:] if at >= 0 else ""
