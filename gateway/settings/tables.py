"""The tables of assent.toml, one frozen model each; an unknown key is an error.

Chunks have no setting: both gateways cut a stage at 512 KiB, as the protocol says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    SecretStr,
    Tag,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.errors import RequestError
from gateway.route import partition
from gateway.settings.sink_table import SinkSettings

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


class LogSettings(_Table):
    """[log]: who signs the audit log, and who witnesses it."""

    signer: Path = Path("signer")
    """Folder of what the signer remembers, best not on the database's disk and not in its backup."""
    witnesses: tuple[str, ...] = Field(default=(), max_length=64)
    """Partners whose cosignatures count, by party id; empty = all partners."""
    quorum: int = Field(default=1, ge=0, le=64)
    """How many of them must have cosigned a checkpoint before a receipt is final."""
    policy: str = ""
    """File with a C2SP tlog-policy, in place of witnesses and quorum; relative paths lie in the home."""
    compare_with: tuple[str, ...] = Field(default=(), max_length=64)
    """Partners with whom checkpoints of third parties' logs are compared; each learns whose logs we witness."""


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
    evidence_years: int = Field(default=3, ge=1, le=30)
    """How long what opened an erased person's log entries is held, sealed to the officers below."""
    evidence_officers: Mapping[Line, Line] = Field(default_factory=dict)
    """{officer's name, as in tokens: public key of `assent evidence key`}, 2 to 5, any two open; none: nothing held."""


def _columns(value: Mapping[str, str]) -> Mapping[str, str]:
    if len(set(value.values())) < len(value):
        raise ValueError("must name a column of the source once only")
    return value


FILES = ("csv", "parquet", "orc")
SCHEMES = {
    **dict.fromkeys(FILES, ("s3", "oss", "hdfs")),
    "postgresql": ("postgresql", "postgres"),
    "mysql": ("mysql",),
    "sqlite": (),
}
"""Formats, and what their URLs begin with."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,126}", re.ASCII)
_DELIMITER = re.compile(r"(tab|ctrl-a|[\x01\t !#-/:-@\[-`{-~])?", re.ASCII)


def _delimiter(value: str) -> str:
    if _DELIMITER.fullmatch(value) is None:
        raise ValueError("must be one ASCII sign that is no letter, digit or quote, or the word tab or ctrl-a")
    return value


def _condition(value: str) -> str:
    try:
        partition.parse(value)
    except RequestError as error:
        raise ValueError(error.message) from None
    return value


def _variable(value: str) -> str:
    if value and _VARIABLE.fullmatch(value) is None:
        raise ValueError("must be the name of a variable of the environment")
    return value


class _SourceSettings(_Table):
    """Files or a table of ours; paths and connections stand here and nowhere else."""

    format: Literal["csv", "parquet", "orc", "postgresql", "sqlite", "mysql"]
    """Files: csv (a line of column names), parquet, orc. Tables: postgresql, sqlite, mysql."""
    path: Path | None = None
    """A file, folder or pattern such as exports/*.csv.gz; of sqlite the database. Relative paths lie in the home."""
    url: SecretStr | None = None
    """In place of path: s3://, oss://, hdfs:// of files; postgresql://, mysql:// of a database, with its password."""
    url_env: Annotated[str, AfterValidator(_variable)] = ""
    """In place of url: the variable of the environment that holds the database's URL."""
    encoding: Literal[
        "", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk", "gb2312", "big5", "big5hkscs",
        "shift_jis", "euc-jp", "euc-kr", "windows-1250", "windows-1251", "windows-1252", "iso-8859-1", "iso-8859-15",
    ] = ""  # fmt: skip
    """Of CSV files; empty = as their byte order mark says, else UTF-8."""
    delimiter: Annotated[str, AfterValidator(_delimiter)] = ""
    """Of CSV files; empty = a comma. Also tab and ctrl-a."""
    partitions: tuple[Annotated[Line, AfterValidator(_condition)], ...] = ()
    """Conditions on folders such as dt=2026-01-01, e.g. ["dt >= 2026-01-01", "region in (CN, HK)"]; all must hold."""
    table: Line | Literal[""] = ""
    """The table or view, maybe with its schema."""
    order_by: tuple[Line, ...] = ()
    """Columns that give a table's rows their order; empty = its primary key, else all columns."""
    subject_column: Line
    """Column of raw subject values, or of another system's ids."""
    subject_source: str = Field(default="", pattern=r"^([a-z][a-z0-9_]{0,31})?$")
    """The system whose ids stand in the subject column, mapped by the identity map; empty = raw subject values."""
    identifiers: Mapping[Line, Line] = Field(default_factory=dict)
    """What columns hold: raw values (phone, phone@HK, email, oaid, ...) or digests (phone.cn11.sha256, ...)."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuse keys that say nothing of this format, and a source that is nowhere or in two places."""
        files = self.format in FILES
        places = {"path", "url"} if files else {"path"} if self.format == "sqlite" else {"url", "url_env"}
        foreign = {"path", "url", "url_env"} - places
        foreign |= {"table", "order_by"} if files else {"partitions"}
        foreign |= set() if self.format == "csv" else {"encoding", "delimiter"}
        for key in sorted(foreign):
            if getattr(self, key):
                raise ValueError(f"{key} says nothing of format {self.format}; leave it out")
        if sum(bool(getattr(self, key)) for key in places) != 1:
            raise ValueError(f"format {self.format} needs one of {', '.join(sorted(places))}")
        if not files and not self.table:
            raise ValueError(f"format {self.format} needs a table")
        if self.url is not None:
            _check_url(self.format, self.url.get_secret_value())
        return self

    def address(self) -> str:
        """Return the URL, which may hold a password; "" where a path says it.

        Raises:
            RequestError: BAD_FIELD when the variable of the environment that should hold it is not set, or holds none.
        """
        if not self.url_env:
            return "" if self.url is None else self.url.get_secret_value()
        url = os.environ.get(self.url_env, "")
        try:
            if not url:
                raise ValueError("is not set")
            _check_url(self.format, url)
        except ValueError as error:
            raise RequestError(
                "BAD_FIELD", f"the variable {self.url_env} that url_env names {error}; set it where the gateway starts"
            ) from None
        return url


def _check_url(format: str, url: str) -> None:
    """Refuse a URL by its form, without repeating it."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname or parts.netloc)
    except ValueError:
        raise ValueError("holds no URL") from None
    if parts.scheme not in SCHEMES[format] or not (named or format == "postgresql"):
        schemes = " or ".join(f"{scheme}://" for scheme in SCHEMES[format])
        raise ValueError(f"must be a URL that begins with {schemes} for format {format}")
    if format in FILES and "@" in parts.netloc:
        raise ValueError("must hold no credentials: an object store takes them from the environment or its usual files")


class PartSettings(_SourceSettings):
    """[datasets.NAME.parts.PART]: one of the sources whose rows make a data set."""

    columns: Annotated[Mapping[Line, Line], AfterValidator(_columns)] = Field(default_factory=dict)
    """The source's column for each column of the data set that it has; empty = all, under the names that they have."""


class DatasetSettings(_SourceSettings):
    """[datasets.NAME]: a data set of one source."""

    @property
    def parts(self) -> Mapping[str, PartSettings]:
        """The source as the only part."""
        return {"": PartSettings(**self.model_dump())}

    def located(self, home: Path) -> DatasetSettings:
        """Return it with an absolute path."""
        return self if self.path is None else self.model_copy(update={"path": home / self.path})


class UnionSettings(_Table):
    """[datasets.NAME] of several sources, each a table [datasets.NAME.parts.PART]; their order settles what differs."""

    parts: Annotated[Mapping[str, PartSettings], AfterValidator(_names)] = Field(min_length=1, max_length=MOST_PARTS)
    """The sources by name."""

    def located(self, home: Path) -> UnionSettings:
        """Return it with absolute paths."""
        parts = {
            name: part if part.path is None else part.model_copy(update={"path": home / part.path})
            for name, part in self.parts.items()
        }
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
    log: LogSettings = LogSettings()
    spool: SpoolSettings = SpoolSettings()
    engine: EngineSettings = EngineSettings()
    rights: RightsSettings = RightsSettings()
    datasets: Annotated[Mapping[str, AnyDataset], AfterValidator(_names)] = Field(default_factory=dict)
    sinks: Annotated[Mapping[str, SinkSettings], AfterValidator(_names)] = Field(default_factory=dict)

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
