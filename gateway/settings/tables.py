"""The tables of assent.toml, one frozen model each; an unknown key is an error.

Chunks have no setting: both gateways cut a stage at 512 KiB, as the protocol says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, PrivateAttr, SecretStr, Tag
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

ENV_PREFIX = "ASSENT_"
NESTED = "__"
MOST_PARTS = 64
DATASET_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.%]+\]|[A-Za-z0-9._-]+):(\d{1,5})", re.ASCII)


def _address(value: str) -> str:
    match = _ADDRESS.fullmatch(value)
    if match is None or int(match[2]) > 65535:
        raise ValueError("must be host:port, e.g. 127.0.0.1:7443 or [::1]:7443")
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must hold printable characters only")
    return value


def _names(value: Mapping[str, Any]) -> Mapping[str, Any]:
    if not all(DATASET_NAME.fullmatch(name) for name in value):
        raise ValueError("names must be 1 to 63 of a-z, 0-9, _ and -, beginning with a letter")
    return value


Address = Annotated[str, AfterValidator(_address)]
Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PartySettings(_Table):
    """[party]: who we are; the signed card in keys/ says the same to partners."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    """Our party id."""
    legal_name: Line
    """Legal entity as it must stand in notices."""
    contact: str = ""
    """How a data subject reaches us."""
    country: str = Field(default="CN", pattern=r"^[A-Z]{2}$")
    """ISO 3166-1 alpha-2."""
    endpoint: Address | Literal[""] = ""
    """host:port that partners dial."""
    target_name: str = ""
    """DNS name in our certificate that partners expect."""


class ServerSettings(_Table):
    """[server]: where the gateway listens. Port 0 takes a free one."""

    tenant_address: Address = "127.0.0.1:7443"
    """Our own systems: jobs, officers, consent sources."""
    peer_address: Address = "127.0.0.1:7444"
    """Partners' gateways, mutual TLS."""


class StoreSettings(_Table):
    """[store]: the database."""

    url: SecretStr = SecretStr("")
    """sqlite+aiosqlite or postgresql+psycopg URL; empty = assent.db in the home."""


class KeysSettings(_Table):
    """[keys]: who wraps the keys of what is sealed."""

    provider: Literal["file"] = "file"
    """Wrapping keys as files in keys/."""


class SpoolSettings(_Table):
    """[spool]: files of running jobs."""

    directory: Path = Path("spool")
    """Relative paths lie in the home. Servers that share it share jobs."""


class EngineSettings(_Table):
    """[engine]: workers that carry jobs out."""

    jobs: int = Field(default=64, ge=2, le=1024)
    """Jobs held at a time; most of them wait for a partner, so a small number can stop both sides."""
    threads: int = Field(default=0, ge=0, le=256)
    """Native threads per batch call; 0 = one per processor that this process may use."""
    memory_limit: int = Field(default=1024, ge=64)
    """MiB of working memory that all runs of a server share; what does not fit is sorted on disk, or read again."""
    processes: int = Field(default=0, ge=0, le=64)
    """Processes of a run that computes on encrypted numbers; 0 = one per processor that this process may use."""
    lease_s: int = Field(default=15, ge=2, le=600)
    """A worker that is silent for so many seconds loses its job to another."""
    notice_hours: int = Field(default=24, ge=1, le=720)
    """A partner that has not acknowledged a notice for so many hours is shown as late."""


class RightsSettings(_Table):
    """[rights]: what people may ask of us, and deletion on our own motion."""

    deadline_days: int = Field(default=15, ge=1, le=366)
    """Working days, Monday to Friday, until a request is answered or information deleted."""
    holidays: tuple[date, ...] = ()
    """Days on which nobody works beside the weekends, e.g. [2026-10-01, 2026-10-02]."""


def _columns(value: Mapping[str, str]) -> Mapping[str, str]:
    if len(set(value.values())) < len(value):
        raise ValueError("must name a column of the file once only")
    return value


class _FileSettings(_Table):
    """A file of ours; paths stand here and nowhere else."""

    format: Literal["csv", "parquet"]
    """csv (UTF-8, a line of column names) or parquet."""
    path: Path
    """Relative paths lie in the home."""
    subject_column: Line
    """Column of raw subject values, or of another system's ids."""
    subject_source: str = Field(default="", pattern=r"^([a-z][a-z0-9_]{0,31})?$")
    """The system whose ids stand in the subject column, mapped by the identity map; empty = raw subject values."""
    identifiers: Mapping[Line, Line] = Field(default_factory=dict)
    """What columns hold: raw values (phone, phone@HK, email, oaid, ...) or digests (phone.cn11.sha256, ...)."""


class PartSettings(_FileSettings):
    """[datasets.NAME.parts.PART]: one of the files whose rows make a data set."""

    columns: Annotated[Mapping[Line, Line], AfterValidator(_columns)] = Field(default_factory=dict)
    """The file's column for each column of the data set that it has; empty = all, under the names that they have."""


class DatasetSettings(_FileSettings):
    """[datasets.NAME]: a data set of one file."""

    @property
    def parts(self) -> Mapping[str, PartSettings]:
        """The file as the only part."""
        return {"": PartSettings(**self.model_dump())}

    def located(self, home: Path) -> DatasetSettings:
        """Return it with an absolute path."""
        return self.model_copy(update={"path": home / self.path})


class UnionSettings(_Table):
    """[datasets.NAME] of several files, each a table [datasets.NAME.parts.PART]; their order settles what differs."""

    parts: Annotated[Mapping[str, PartSettings], AfterValidator(_names)] = Field(min_length=1, max_length=MOST_PARTS)
    """The files by name."""

    def located(self, home: Path) -> UnionSettings:
        """Return it with absolute paths."""
        parts = {name: part.model_copy(update={"path": home / part.path}) for name, part in self.parts.items()}
        return self.model_copy(update={"parts": parts})


def _kind(value: object) -> str:
    several = isinstance(value, UnionSettings) or (isinstance(value, Mapping) and "parts" in value)
    return TAGS[1] if several else TAGS[0]


TAGS = ("tagged-file", "tagged-parts")
"""By which the two kinds of data sets are told apart; errors leave them out."""

AnyDataset = Annotated[
    Annotated[DatasetSettings, Tag(TAGS[0])] | Annotated[UnionSettings, Tag(TAGS[1])], Discriminator(_kind)
]


class Settings(BaseSettings):
    """Everything, merged and checked; made by `load_settings` only."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENV_PREFIX, env_nested_delimiter=NESTED, validate_default=True
    )

    party: PartySettings
    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    keys: KeysSettings = KeysSettings()
    spool: SpoolSettings = SpoolSettings()
    engine: EngineSettings = EngineSettings()
    rights: RightsSettings = RightsSettings()
    datasets: Annotated[Mapping[str, AnyDataset], AfterValidator(_names)] = Field(default_factory=dict)

    _home: Path = PrivateAttr()
    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def home(self) -> Path:
        """The folder that these settings belong to."""
        return self._home

    def source(self, key: str) -> str:
        """Return where a key's value came from.

        Args:
            key: dotted, e.g. "server.peer_address".
        """
        return self._sources.get(key, "default")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what `load_settings` merged: it knows which source each key came from."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings  # read there, one by one
        return (init_settings,)
