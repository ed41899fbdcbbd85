"""Consent events of everybody, as a company's own systems would export them: one act per person, all of them valid.

Everybody agreed, so that all engines join the same lists; the gate judges every person all the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from matching.people import Side, hex_texts

_ASKED_DAYS = 60
_ID_BYTES = 10


def write_events(
    side: Side,
    path: Path,
    handler: str,
    recipient: str,
    purpose: str,
    categories: list[str],
    notice: str,
    since: datetime,
) -> None:
    """Write the file for `assent consent import`.

    Args:
        side: whose customers.
        path: .csv.
        handler: the company that asked.
        recipient: the company named to them.
        purpose: purpose id.
        categories: category ids agreed to.
        notice: id@version shown.
        since: when asking began (UTC); it took sixty days.
    """
    generator = np.random.default_rng(side.rows)
    constant = {
        "type": "consent_given",
        "handler": handler,
        "notice": notice,
        "by": "subject",
        "mode": "explicit",
        "evidence": "true",
        "channel": "app",
        "purpose": purpose,
        "categories": ";".join(categories),
        "methods": "psi_hash",
        "recipients": recipient,
        "form": "separate",
    }
    moments = pa.array([(since + timedelta(minutes=number)).isoformat() for number in range(_ASKED_DAYS * 24 * 60)])
    schema = pa.schema([(name, pa.string()) for name in ("event_id", "at", "subject", "consent_id", *constant)])
    options = pyarrow.csv.WriteOptions(quoting_style="none")
    with pyarrow.csv.CSVWriter(path, schema, write_options=options) as writer:
        for rows in side.pieces():
            # Two ids per act, as random as those of real systems: a database pays for their order and length.
            ids = np.frombuffer(generator.bytes(2 * _ID_BYTES * len(rows)), np.uint8).reshape(2, len(rows), _ID_BYTES)
            when = pa.array(generator.integers(0, len(moments), len(rows)))
            columns = [hex_texts(ids[0]), moments.take(when), side.customers(rows), hex_texts(ids[1])]
            columns += [pa.repeat(value, len(rows)) for value in constant.values()]
            writer.write_table(pa.table(columns, schema=schema))
