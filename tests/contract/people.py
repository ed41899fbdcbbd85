"""Whom the store names, as lists of references."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from consent.projection import TRUST_ALL
from gateway.flow.ports import Transaction
from gateway.route.subject_ref import Bytes, as_texts
from tests.contract.given import NOW, USE

ALL = ("2" * 26, "z" * 26)


def texts(people: Bytes | None) -> list[str]:
    """The references of (m, 26) bytes, looked at on the way."""
    assert people is not None
    assert people.dtype == np.uint8 and people.flags.c_contiguous
    assert people.shape == (len(people), 26)
    return list(as_texts(people).to_pylist())


async def plain(tx: Transaction, *within: str, at: datetime = NOW, floor: datetime = TRUST_ALL) -> list[str]:
    """Who has a plain row that answers for `given.USE`."""
    return texts(await tx.consents.plain(USE, floor, at, *(within or ALL)))


async def plain_ids(tx: Transaction) -> list[str]:
    """By which consents, in the order of the people."""
    table = await tx.consents.plain_ids(USE, TRUST_ALL, NOW, *ALL)
    return list(table.column("consent_id").to_pylist())


async def on_file(tx: Transaction) -> list[str]:
    """Who has events on file."""
    return texts(await tx.consents.on_file(*ALL))
