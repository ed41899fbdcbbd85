"""Notices and acknowledgements between partners as signed records: written, read strictly, compared."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise

from gateway.agreement.record import PARTY_ID, Record
from gateway.errors import HostileInput, RequestError
from gateway.route.canonical import canonical_bytes, parse_canonical, time_text
from gateway.route.notice import NoticeKind, PeerNotice

NOTICE = "notice"
ACKNOWLEDGEMENT = "acknowledgement"
MAX_TOKENS = 2000
MAX_NOTICE_BYTES = 256 * 1024
MAX_ACKNOWLEDGEMENT_BYTES = 4 * 1024

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_RUN = re.compile(r"[0-9a-f]{64}")
_TOKEN = re.compile(r"(?:[0-9a-f]{2}){1,32}")
_VERSION = 1


def notice_record(notice: PeerNotice) -> bytes:
    """Return the bytes of a notice that its sender signs."""
    return canonical_bytes(
        {
            "v": _VERSION,
            "notice": notice.notice_id,
            "kind": notice.kind.value,
            "from": notice.sender,
            "to": notice.recipient,
            "agreement": notice.agreement_id,
            "run": notice.session_id,
            "rows": [token.hex() for token in notice.tokens],
            "at": time_text(notice.at),
        }
    )


def parse_notice(record: bytes) -> PeerNotice:
    """Read a notice.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    with _strictly("notice", record, MAX_NOTICE_BYTES) as fields:
        fields.integer("v", _VERSION, _VERSION)
        kind = fields.choice("kind", NoticeKind)
        texts = fields.items("rows", 0, MAX_TOKENS)
        if any(not isinstance(text, str) or _TOKEN.fullmatch(text) is None for text in texts):
            fields.refuse("rows", "must be row tokens in hex")
        rows = [bytes.fromhex(str(text)) for text in texts]
        if any(one >= other for one, other in pairwise(rows)):
            fields.refuse("rows", "must ascend")
        if bool(rows) != (kind is NoticeKind.TOMBSTONE):
            fields.refuse("rows", "must be there for a tombstone, and for nothing else")
        return PeerNotice(
            notice_id=fields.text("notice", _UUID, "a lower-case uuid"),
            kind=kind,
            sender=fields.text("from", PARTY_ID, "a party id"),
            recipient=fields.text("to", PARTY_ID, "a party id"),
            agreement_id=fields.text("agreement", _UUID, "a lower-case uuid"),
            session_id=fields.text("run", _RUN, "64 hex digits"),
            tokens=tuple(rows),
            at=fields.time("at"),
        )


def acknowledgement_record(notice_id: str, record: bytes, sender: str, recipient: str, at: datetime) -> bytes:
    """Return the bytes by which a notice is acknowledged.

    They say that the notice was carried out, never whether a row it names was there: that would tell the other side
    who matched.

    Args:
        notice_id: its id.
        record: the notice's bytes.
        sender: who acknowledges.
        recipient: whose notice it was.
        at: when it was carried out.
    """
    return canonical_bytes(
        {
            "v": _VERSION,
            "notice": notice_id,
            "digest": hashlib.sha256(record).hexdigest(),
            "from": sender,
            "to": recipient,
            "at": time_text(at),
        }
    )


def acknowledged_notice(record: bytes) -> str:
    """Return which notice an acknowledgement is about.

    Raises:
        HostileInput: BAD_SHAPE.
    """
    with _strictly("acknowledgement", record, MAX_ACKNOWLEDGEMENT_BYTES) as fields:
        for name in ("v", "digest", "from", "to", "at"):
            fields.value(name)
        return fields.text("notice", _UUID, "a lower-case uuid")


def check_acknowledgement(record: bytes, notice_id: str, notice: bytes, sender: str, recipient: str) -> None:
    """Make sure that an acknowledgement is the one of a notice of ours; arguments as `acknowledgement_record`.

    Raises:
        HostileInput: BAD_SHAPE, or DIGEST_MISMATCH when it is about other bytes.
    """
    with _strictly("acknowledgement", record, MAX_ACKNOWLEDGEMENT_BYTES) as fields:
        at = fields.time("at")
        for name in ("v", "notice", "digest", "from", "to"):
            fields.value(name)
    if record != acknowledgement_record(notice_id, notice, sender, recipient, at):
        raise HostileInput("DIGEST_MISMATCH", "the acknowledgement is not that of the notice; ask the partner why")


@contextmanager
def _strictly(what: str, record: bytes, longest: int) -> Iterator[Record]:
    """Read a record of a partner to its last field."""
    if len(record) > longest:
        raise HostileInput("BAD_SHAPE", f"the {what} has more than {longest} bytes")
    try:
        fields = Record(parse_canonical(record))
        yield fields
        fields.close()
    except RequestError as error:
        raise HostileInput("BAD_SHAPE", f"the {what}: {error.message}") from error
