"""`assent config show`: every setting with its value and the source that it came from."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr

from gateway.settings.tables import Settings

_URL_PASSWORD = re.compile(r"(?<=://)([^:@]*):.*@")  # to the last @: passwords are not always escaped
_QUERY = re.compile(r"\?.*")
_HIDDEN = "***"


class SettingRow(NamedTuple):
    """One line of the listing."""

    key: str
    value: str
    source: str


def explain(settings: Settings) -> list[SettingRow]:
    """Return a row per setting, in the order of the tables, without secrets.

    Args:
        settings: from `load_settings`.
    """
    rows: list[SettingRow] = []
    for table in type(settings).model_fields:
        _rows(settings, table, getattr(settings, table), rows)
    return rows


def _rows(settings: Settings, key: str, value: Any, rows: list[SettingRow]) -> None:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            _rows(settings, f"{key}.{name}", getattr(value, name), rows)
    elif isinstance(value, dict):
        for name in sorted(value):
            _rows(settings, f"{key}.{name}", value[name], rows)
    elif isinstance(value, tuple):
        rows.append(SettingRow(key, ", ".join(map(str, value)), settings.source(key)))
    else:
        given = "" if value is None else value
        shown = _without_password(given.get_secret_value()) if isinstance(given, SecretStr) else str(given)
        rows.append(SettingRow(key, shown, settings.source(key)))


def _without_password(url: str) -> str:
    """Keep of a URL what helps to find a mistake: driver, user, host, path; drop password and query."""
    if "://" not in url:
        return _HIDDEN
    return _QUERY.sub(f"?{_HIDDEN}", _URL_PASSWORD.sub(rf"\1:{_HIDDEN}@", url))
