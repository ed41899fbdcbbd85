"""The audit logs of both sides, exported, and verified offline by the very command that is printed."""

from __future__ import annotations

import base64
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.audit import write_export
from gateway.keys.custody import HomeKeys
from gateway.main.demo.groundwork import Both
from gateway.main.demo.server import program


@dataclass(frozen=True, slots=True)
class Evidence:
    """One side's log as exported.

    Attributes:
        checkpoint: the signed note, as the export holds it.
        command: what verifies the export with the keys of both cards.
        verified: whether it did, when this program ran it.
        said: what it printed.
    """

    checkpoint: str
    command: str
    verified: bool
    said: str


def gather(both: Both, homes: dict[str, Path], exports: Path) -> dict[str, Evidence]:
    """Export both logs and run the verification of each, both at a time.

    Args:
        both: the clients.
        homes: homes by party, for the keys that the cards name.
        exports: where each party's export goes, as a folder of its name.
    """
    cards = {party: HomeKeys.load(home).own_card().card for party, home in homes.items()}
    trusted = [f"{party}={base64.b64encode(card.agreement_key).decode()}" for party, card in cards.items()]

    def one(party: str) -> Evidence:
        target = exports / party
        write_export(both.by_party()[party].audit.export(), target)
        words = [*program("assent-verify", "assent_verify"), str(target), "--vkey", cards[party].log_vkey]
        for key in trusted:
            words += ["--party-key", key]
        ended = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        note = (target / "checkpoint").read_text(encoding="utf-8")
        return Evidence(note, shlex.join(words), ended.returncode == 0, ended.stdout + ended.stderr)

    with ThreadPoolExecutor(len(homes)) as pool:
        return dict(zip(homes, pool.map(one, homes), strict=True))
