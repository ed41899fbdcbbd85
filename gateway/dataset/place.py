"""Where files lie: this machine, an object store that speaks S3, Aliyun's OSS, or HDFS."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
from pyarrow import fs

from gateway.dataset.source import Source
from gateway.errors import RequestError

_S3_OPTIONS = frozenset({"region", "endpoint_override", "scheme"})
_OSS_KEYS = {
    "access_key": "OSS_ACCESS_KEY_ID",
    "secret_key": "OSS_ACCESS_KEY_SECRET",
    "session_token": "OSS_SESSION_TOKEN",
}
_CONNECT_S, _REQUEST_S, _ATTEMPTS = 10.0, 60.0, 3


@dataclass(frozen=True, slots=True)
class Place:
    """A file system and a path of it.

    Attributes:
        disk: None for this machine.
        path: absolute there; may be a file, a folder or a pattern.
    """

    disk: fs.FileSystem | None
    path: str

    @property
    def listing(self) -> fs.FileSystem:
        """The file system, to be listed."""
        return fs.LocalFileSystem() if self.disk is None else self.disk


def remote(source: Source, url: str) -> Place:
    """Return the place that a URL names; nothing is asked of it yet, except of HDFS.

    Args:
        source: for messages.
        url: s3://bucket/path, oss://bucket/path?endpoint=... or hdfs://host:port/path, as settings check it.

    Raises:
        SourceError: BAD_ROW when there is no such file system here.
        RequestError: BAD_FIELD for options that are not known.
    """
    parts = urlsplit(url)
    options = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
    path = f"{parts.netloc}{unquote(parts.path)}".rstrip("/")
    try:
        if parts.scheme == "s3":
            return Place(_s3(options), path)
        if parts.scheme == "oss":
            return Place(_oss(options), path)
        disk, inside = fs.FileSystem.from_uri(url)
        return Place(disk, inside.rstrip("/"))
    except (OSError, pa.ArrowException):
        source.refuse(
            "BAD_ROW",
            f"lies on {parts.scheme}, which cannot be opened from this machine; "
            "check the URL and, for HDFS, JAVA_HOME, HADOOP_HOME and CLASSPATH",
        )


def _s3(options: dict[str, str], **further: object) -> fs.FileSystem:
    unknown = options.keys() - _S3_OPTIONS
    if unknown:
        raise RequestError("BAD_FIELD", f"an s3 URL takes {', '.join(sorted(_S3_OPTIONS))}, not {sorted(unknown)[0]}")
    return fs.S3FileSystem(
        **options,
        **further,
        connect_timeout=_CONNECT_S,
        request_timeout=_REQUEST_S,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    )


def _oss(options: dict[str, str]) -> fs.FileSystem:
    """Aliyun's store speaks S3 with the bucket in the host's name; its own variables hold the credentials."""
    unknown = options.keys() - {"endpoint"}
    if unknown or not options.get("endpoint"):
        raise RequestError("BAD_FIELD", "an oss URL takes endpoint, e.g. ?endpoint=oss-cn-hangzhou.aliyuncs.com")
    keys = {key: os.environ[name] for key, name in _OSS_KEYS.items() if os.environ.get(name)}
    region = options["endpoint"].split(".")[0].removeprefix("oss-").removesuffix("-internal")
    return _s3(
        {"endpoint_override": options["endpoint"], "region": region},
        force_virtual_addressing=True,
        **keys if len(keys) > 1 else {},
    )
