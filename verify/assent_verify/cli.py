"""The command `assent-verify`: an export, which is a directory, or a receipt, which is a file.

Exit codes: 0 every check passed, 1 a check failed, 2 the command was used wrongly.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from assent_verify.failure import CheckError
from assent_verify.note import LogKey, parse_vkey
from assent_verify.policy import Policy, parse_policy
from assent_verify.receipt import receipt_json, receipt_text, verify_receipt
from assent_verify.report import as_json, as_text, printable
from assent_verify.signature import decode_base64, trusted_key
from assent_verify.trust import Trust
from assent_verify.verify import verify_export


def main(argv: Sequence[str] | None = None) -> int:
    """Check an export or a receipt and print what was found.

    Returns:
        0 or 1; argparse itself exits with 2.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # legal names on a terminal without their script
    if options.export.is_file():
        return _receipt(parser, options)
    if not options.export.is_dir():
        parser.error("EXPORT_DIR is not a directory, nor a receipt's file")
    party_keys = dict(options.party_key)
    if len(party_keys) != len(options.party_key):
        parser.error("--party-key names a party twice")
    trust = Trust(tuple(options.vkey), party_keys, options.since, options.policy)
    report = verify_export(options.export, trust, options.jobs)
    if options.json:
        sys.stdout.write(json.dumps(as_json(report), indent=2) + "\n")
    else:
        sys.stdout.write(as_text(report))
    return 0 if report.ok else 1


def _receipt(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if not options.vkey and options.policy is None:
        parser.error("a receipt needs --policy FILE, or --vkey KEY")
    if options.since is not None or options.party_key:
        parser.error("--since and --party-key are for exports")
    try:
        proven = verify_receipt(options.export.read_bytes(), options.vkey, options.policy)
    except OSError as error:
        parser.error(f"the receipt cannot be read ({error.strerror})")
    except CheckError as error:
        failure = error.failure
        if options.json:
            failed = {"ok": False, "failures": [{"check": failure.check, "reason": failure.reason}]}
            sys.stdout.write(json.dumps(failed, indent=2) + "\n")
        else:
            sys.stdout.write(printable(f"FAIL      {failure.check}: {failure.reason}") + "\n")
        return 1
    sys.stdout.write(json.dumps(receipt_json(proven), indent=2) + "\n" if options.json else receipt_text(proven))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assent-verify",
        description="Check an export of an Assent audit log offline: signatures, witnesses, tree, entries, runs.",
        epilog="exit codes: 0 every check passed, 1 a check failed, 2 wrong usage",
    )
    parser.add_argument(
        "export",
        metavar="EXPORT_DIR",
        type=Path,
        help="directory written by `assent audit export`, or a .tlog-proof file of `assent audit receipt`",
    )
    parser.add_argument(
        "--vkey",
        metavar="KEY",
        type=_vkey,
        action="append",
        default=[],
        help="the log's verifier key, from the party's card; repeat it for an older key of --since",
    )
    parser.add_argument(
        "--party-key",
        metavar="ID=BASE64",
        type=_party_key,
        action="append",
        default=[],
        help="a party's Ed25519 agreement key, from its card",
    )
    parser.add_argument(
        "--since",
        metavar="CHECKPOINT_FILE",
        type=_file,
        help="an earlier signed checkpoint of this log, which the export must continue",
    )
    parser.add_argument(
        "--policy",
        metavar="FILE",
        type=_policy,
        help="C2SP tlog-policy: logs and witnesses, and how many of them a checkpoint needs",
    )
    parser.add_argument("--jobs", metavar="N", type=_jobs, default=1, help="processes to use (default 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    return parser


def _vkey(text: str) -> LogKey:
    try:
        return parse_vkey(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _party_key(text: str) -> tuple[str, bytes]:
    party, separator, encoded = text.partition("=")
    try:
        if not party or not separator:
            raise ValueError("not of the form ID=BASE64")
        return party, trusted_key(decode_base64(encoded))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _file(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot be read ({error.strerror})") from error


def _policy(name: str) -> Policy:
    try:
        return parse_policy(_file(name))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _jobs(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError("a number of processes from 1 to 256")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
