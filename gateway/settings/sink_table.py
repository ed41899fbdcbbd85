"""The tables [sinks.NAME] of assent.toml: files and tables outside into which results are put."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from gateway.route.delivery import SinkMode, Withdrawn

_TABLE = r"^([A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?)?$"
_REMOTE = {
    "postgresql": (re.compile(r"postgres(ql)?://"), "postgresql://user@host/database"),
    "mysql": (re.compile(r"mysql://[^/]"), "mysql://user@host:3306/database"),
}


class SinkSettings(BaseModel):
    """[sinks.NAME]: paths and connections stand here and nowhere else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["parquet", "csv", "sqlite", "postgresql", "mysql"]
    """parquet or csv: a file; sqlite, postgresql or mysql: a table."""
    path: Path | None = None
    """The file, or SQLite's database; relative paths lie in the home."""
    url: SecretStr = SecretStr("")
    """postgresql://user@host/database, or mysql://user@host:port/database?ssl_ca=FILE."""
    password: SecretStr = SecretStr("")
    """Of that user; better not here but in ASSENT_SINKS__NAME__PASSWORD, or a file sinks__name__password of secrets."""
    table: str = Field(default="", pattern=_TABLE)
    """The table, made when it is not there."""
    mode: SinkMode = SinkMode.REPLACE
    """replace: the last result alone; upsert: rows of the same customer give way to the new ones."""
    withdrawn: Withdrawn = Withdrawn.DELETE
    """delete or tombstone: what becomes of rows that consent does not cover any more."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        remote = self.format in _REMOTE
        is_table = remote or self.format == "sqlite"
        for what, there, wanted in (
            ("path", self.path is not None, not remote),
            ("table", bool(self.table), is_table),
            ("url", bool(self.url.get_secret_value()), remote),
        ):
            if there != wanted:
                raise ValueError(f"{what} {'is required' if wanted else 'means nothing'} with format {self.format}")
        if remote:
            begins, example = _REMOTE[self.format]
            if not begins.match(self.url.get_secret_value()):
                raise ValueError(f"url must be like {example} with format {self.format}")
        if self.password.get_secret_value() and not remote:
            raise ValueError(f"password means nothing with format {self.format}")
        return self

    def located(self, home: Path) -> SinkSettings:
        """Return it with an absolute path."""
        return self if self.path is None else self.model_copy(update={"path": home / self.path})
