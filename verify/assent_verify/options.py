"""The command-line options that every command shares."""

from __future__ import annotations

import argparse
from pathlib import Path

from assent_verify.note import LogKey, parse_vkey
from assent_verify.policy import Policy, parse_policy
from assent_verify.signature import decode_base64, trusted_key


def add_keys(parser: argparse.ArgumentParser) -> None:
    """Add --vkey and --party-key."""
    parser.add_argument(
        "--vkey",
        metavar="KEY",
        type=vkey,
        action="append",
        default=[],
        help="a log's verifier key, from the party's card; repeat it for an older key, or a second log",
    )
    parser.add_argument(
        "--party-key",
        metavar="ID=BASE64",
        type=party_key,
        action="append",
        default=[],
        help="a party's Ed25519 agreement key, from its card",
    )


def party_keys(parser: argparse.ArgumentParser, options: argparse.Namespace) -> dict[str, bytes]:
    """Return the keys of --party-key by party; a party that is named twice is a usage error."""
    keys = dict(options.party_key)
    if len(keys) != len(options.party_key):
        parser.error("--party-key names a party twice")
    return keys


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add --jobs."""
    parser.add_argument("--jobs", metavar="N", type=_jobs, default=1, help="processes to use (default 1)")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")


def vkey(text: str) -> LogKey:
    """Read a verifier key."""
    try:
        return parse_vkey(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def party_key(text: str) -> tuple[str, bytes]:
    """Read ID=BASE64."""
    party, separator, encoded = text.partition("=")
    try:
        if not party or not separator:
            raise ValueError("not of the form ID=BASE64")
        return party, trusted_key(decode_base64(encoded))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def file_bytes(name: str) -> bytes:
    """Read a file."""
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot be read ({error.strerror})") from error


def policy(name: str) -> Policy:
    """Read a policy."""
    try:
        return parse_policy(file_bytes(name))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def directory(name: str) -> Path:
    """Take a directory."""
    path = Path(name)
    if not path.is_dir():
        raise argparse.ArgumentTypeError("is not a directory")
    return path


def _jobs(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError("a number of processes from 1 to 256")
    return int(text)
