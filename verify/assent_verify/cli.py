"""The command `assent-verify`: an export, which is a directory; a receipt, which is a file; or a command below.

Exit codes: 0 every check passed, 1 a check failed, 2 the command was used wrongly.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assent_verify import membership
from assent_verify import reconciliation as two
from assent_verify.consistency import continued_json, continued_text, verify_continuation
from assent_verify.failure import CheckError
from assent_verify.options import add_jobs, add_json, add_keys, directory, file_bytes, party_keys, policy, vkey
from assent_verify.receipt import receipt_json, receipt_text, verify_receipt
from assent_verify.report import as_json, as_text, printable
from assent_verify.trust import Trust
from assent_verify.verify import verify_export

_EPILOG = "exit codes: 0 every check passed, 1 a check failed, 2 wrong usage"


def main(argv: Sequence[str] | None = None) -> int:
    """Check what the command line names and print what was found.

    Returns:
        0 or 1; argparse itself exits with 2.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # legal names on a terminal without their script
    command = COMMANDS.get(arguments[0]) if arguments else None
    return _export(arguments) if command is None else command(arguments[1:])


def _export(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="assent-verify",
        description="Check an export of an Assent audit log offline: signatures, witnesses, tree, entries, runs. "
        f"Further commands: {', '.join(COMMANDS)}; each has --help.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "export",
        metavar="EXPORT_DIR",
        type=Path,
        help="directory written by `assent audit export`, or a .tlog-proof file of `assent audit receipt`",
    )
    add_keys(parser)
    parser.add_argument(
        "--since",
        metavar="CHECKPOINT_FILE",
        type=file_bytes,
        help="an earlier signed checkpoint of this log, which the export must continue; what it covers is not read",
    )
    parser.add_argument(
        "--policy",
        metavar="FILE",
        type=policy,
        help="C2SP tlog-policy: logs and witnesses, and how many of them a checkpoint needs",
    )
    parser.add_argument(
        "--entry",
        metavar="FILE",
        type=file_bytes,
        help="of a receipt that does not carry its entry: the entry's bytes",
    )
    parser.add_argument("--whole", action="store_true", help="with --since: read what the checkpoint covers, too")
    add_jobs(parser)
    add_json(parser)
    options = parser.parse_args(argv)
    if options.export.is_file():
        return _receipt(parser, options)
    if not options.export.is_dir():
        parser.error("EXPORT_DIR is not a directory, nor a receipt's file")
    if options.entry is not None:
        parser.error("--entry is for receipts")
    trust = Trust(tuple(options.vkey), party_keys(parser, options), options.since, options.policy)
    report = verify_export(options.export, trust, options.jobs, whole=options.whole)
    return _said(report.ok, options.json, as_json(report), as_text(report))


def _receipt(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if not options.vkey and options.policy is None:
        parser.error("a receipt needs --policy FILE, or --vkey KEY")
    if options.since is not None or options.party_key:
        parser.error("--since and --party-key are for exports")
    try:
        proven = verify_receipt(options.export.read_bytes(), options.vkey, options.policy, options.entry)
    except OSError as error:
        parser.error(f"the receipt cannot be read ({error.strerror})")
    except CheckError as error:
        return _failed(options.json, error)
    return _said(True, options.json, receipt_json(proven), receipt_text(proven))


def _consistency(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="assent-verify consistency",
        description="Check that the log still holds everything that an earlier checkpoint promised.",
        epilog=_EPILOG,
    )
    parser.add_argument("proof", metavar="FILE", type=file_bytes, help="what `assent audit consistency SIZE` prints")
    parser.add_argument(
        "--since",
        metavar="CHECKPOINT_FILE",
        type=file_bytes,
        required=True,
        help="the earlier checkpoint of SIZE entries",
    )
    parser.add_argument(
        "--vkey",
        metavar="KEY",
        type=vkey,
        action="append",
        required=True,
        help="the log's verifier key, from the party's card; repeat it for an older key",
    )
    add_json(parser)
    options = parser.parse_args(argv)
    try:
        found = verify_continuation(options.proof, options.since, options.vkey)
    except CheckError as error:
        return _failed(options.json, error)
    return _said(True, options.json, continued_json(found), continued_text(found))


def _reconcile(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="assent-verify reconcile",
        description="Compare two parties' exports of the runs that they made together, and name every difference.",
        epilog=_EPILOG,
    )
    parser.add_argument("ours", metavar="OURS", type=directory, help="export of the one party")
    parser.add_argument("theirs", metavar="THEIRS", type=directory, help="export of the other party")
    add_keys(parser)
    add_jobs(parser)
    add_json(parser)
    options = parser.parse_args(argv)
    trust = Trust(tuple(options.vkey), party_keys(parser, options))
    outcome = two.reconcile(options.ours, options.theirs, trust, options.jobs)
    return _said(outcome.ok, options.json, two.as_json(outcome), two.as_text(outcome))


def _membership(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="assent-verify membership",
        description="Check a proof that a person was, or was not, in the cohort of a run, and under which consent.",
        epilog=_EPILOG,
    )
    parser.add_argument("proof", metavar="FILE", type=file_bytes, help="file written by `assent audit prove`")
    add_keys(parser)
    add_json(parser)
    options = parser.parse_args(argv)
    trust = Trust(tuple(options.vkey), party_keys(parser, options))
    found = membership.verify_membership(options.proof, trust)
    return _said(found.ok, options.json, membership.as_json(found), membership.as_text(found))


def _failed(as_object: bool, error: CheckError) -> int:
    failure = error.failure
    found = {"ok": False, "failures": [{"check": failure.check, "reason": failure.reason}]}
    return _said(False, as_object, found, printable(f"FAIL      {failure.check}: {failure.reason}") + "\n")


def _said(ok: bool, as_object: bool, found: dict[str, Any], text: str) -> int:
    sys.stdout.write(json.dumps(found, indent=2) + "\n" if as_object else text)
    return 0 if ok else 1


COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "consistency": _consistency,
    "membership": _membership,
    "reconcile": _reconcile,
}


if __name__ == "__main__":
    sys.exit(main())
