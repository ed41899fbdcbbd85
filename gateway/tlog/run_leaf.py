"""What the log says of a run: which record, and who signed it.

Each side logs its own signature under `LeafType.RUN_RECORD` and the other's
under `LeafType.RUN_SIGNATURE`. Both leaves name the same record by hash, so that
neither side can later show another record than the one that both logs hold.
"""

from __future__ import annotations

import base64
import hashlib

from gateway.route.canonical import record_message


def run_payload(session_id: str, run_record: bytes, party: str, signature: bytes) -> dict[str, object]:
    """Make the payload of a `run_record` or `run_signature` leaf.

    Args:
        session_id: 64 hex digits.
        run_record: the run record in canonical form.
        party: who signed.
        signature: Ed25519 over "assent run v1" newline and the record, 64 bytes.
    """
    return {
        "party": party,
        "run_hash": hashlib.sha256(record_message("run", run_record)).hexdigest(),
        "session": session_id,
        "signature": base64.b64encode(signature).decode(),
    }
