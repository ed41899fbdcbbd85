"""Records of statistics over several match keys: a customer with all its keys, where rows have a record per key.

In the cohort file a row has a keyed tag for each key in agreed order; zeros stand for a key that the customer lacks, or
that another customer has, too. A customer without any key of its own is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.flow.ports import Sorter
from gateway.flow.source import TAG_BYTES
from gateway.psi.check import as_keys
from gateway.psi.fields import Fields
from gateway.route.subject_ref import REF_BYTES, once

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def shared(rows: Bytes, fields: Fields) -> Mask:
    """Return which rows of a piece by key share their match key with another person, let in or not."""
    tags = as_keys(fields.of(rows, "tag"))
    same = tags[1:] == tags[:-1]
    found = np.zeros(len(rows), dtype=bool)
    found[1:] |= same
    found[:-1] |= same
    return found


def without_key(rows: Bytes, fields: Fields) -> Mask:
    """Return which rows have no match key that is theirs alone: rows of a piece by key, or tuples."""
    tags = fields.of(rows, "tag")
    return shared(rows, fields) if tags.shape[1] == TAG_BYTES else np.logical_not(having(tags).any(axis=1))


def having(tags: Bytes) -> Mask:
    """Return which keys rows have, (n, keys), by their tags, (n, 16 * keys)."""
    known: Mask = np.logical_or.reduce(_by_key(tags), axis=2)
    return known


def ascending_tags(pieces: Iterator[Bytes], fields: Fields) -> Bytes:
    """Return the tags of all keys of tuples, key after key, each list ascending, (m, 16). Blocks."""
    found = [np.empty((0, TAG_BYTES), dtype=np.uint8)]
    for rows in pieces:
        tags = fields.of(rows, "tag")
        found.append(_by_key(tags)[having(tags)])
    # Tags begin with the number of their key.
    return np.sort(as_keys(np.concatenate(found))).view(np.uint8).reshape(-1, TAG_BYTES)


def beside(tags: Bytes, values: pa.LargeBinaryArray) -> tuple[pa.LargeBinaryArray, ...]:
    """Lay values side by side, per key those of n tuples, null where one lacks it. Blocks.

    Args:
        tags: (n, 16 * keys).
        values: in the order of `ascending_tags`.
    """
    known, by_key, columns, start = having(tags), _by_key(tags), [], 0
    for number in range(known.shape[1]):
        own = np.flatnonzero(known[:, number])
        own = own[np.argsort(as_keys(by_key[own, number]))]
        place = np.full(len(tags), -1, dtype=np.int64)
        place[own] = start + np.arange(len(own))
        columns.append(values.take(pa.array(place, mask=place < 0)))
        start += len(own)
    return tuple(columns)


def _by_key(tags: Bytes) -> npt.NDArray[np.uint8]:
    return tags.reshape(len(tags), tags.shape[1] // TAG_BYTES, TAG_BYTES)


class Tuples:
    """Customers with all their keys, made of a row per customer and key.

    Attributes:
        shared: per key, how many customers whom consent lets in share it with another one.
    """

    def __init__(self, by_key: Fields, members: Fields, by_customer: Sorter) -> None:
        """Begin before the first row.

        Args:
            by_key: of a row per key; one byte more says whether consent lets the customer in.
            members: of a tuple, which has the same byte more.
            by_customer: for `width(by_key)` bytes, ordered by the first 26.
        """
        self._by_key, self._members, self._by_customer = by_key, members, by_customer
        self.shared = np.zeros((members["tag"].stop - members["tag"].start) // TAG_BYTES, dtype=np.int64)

    @staticmethod
    def width(by_key: Fields) -> int:
        """Return the bytes of a row that is sorted by customer."""
        return REF_BYTES + by_key.width + 1

    def add(self, rows: Bytes) -> None:
        """Take a piece of rows by key: all rows of a value, or some of very many. Blocks."""
        twice, tag = shared(rows, self._by_key), self._by_key["tag"]
        let_in = twice & (rows[:, -1] == 1)
        self.shared += np.bincount(rows[let_in, tag.start], minlength=len(self.shared))
        own = rows.copy()
        own[twice, tag] = 0
        self._by_customer.add(np.concatenate([self._by_key.of(rows, "ref"), own], axis=1))

    def pieces(self) -> Iterator[Bytes]:
        """Yield a row per customer, ascending by reference; again as often as asked. Blocks."""
        fields, members = self._by_key, self._members
        for rows in self._by_customer.pieces():
            people, person = once(np.ascontiguousarray(rows[:, :REF_BYTES]))
            rows = np.ascontiguousarray(rows[:, REF_BYTES:])
            tags = np.zeros((len(people), len(self.shared), TAG_BYTES), dtype=np.uint8)
            own = fields.of(rows, "tag")
            known = own.any(axis=1)
            tags[person[known], own[known, 0]] = own[known]
            # But for their tags rows of a customer are alike.
            first = rows[np.searchsorted(person, np.arange(len(people)))]
            parts = {name: first[:, fields[name]] for name in ("ref", "segment", "plain") if name in members}
            made = members.join(len(people), tag=tags.reshape(len(people), -1), **parts)
            yield np.concatenate([made, first[:, -1:]], axis=1)
