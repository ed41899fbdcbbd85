"""Places in a sorted tree: every person has one, and nobody can be hidden between two leaves."""

from __future__ import annotations

import base64
import functools
import hmac
from typing import Any

import numpy as np
import pytest

from assent_verify.failure import CheckError
from assent_verify.membership import _place
from assent_verify.tree import tree_root
from gateway.tlog.membership import STEP, Place, PlaceFinder
from gateway.tlog.tree import leaf_hash

SALT = bytes(range(32))


def mac_of(person: str) -> bytes:
    return hmac.digest(SALT, person.encode(), "sha256")


def cohort(people: int) -> list[str]:
    """References in the order of their leaves."""
    return sorted((f"person-{number}" for number in range(people)), key=mac_of)


def found(people: list[str], person: str, piece: int = 1000) -> Place:
    finder = PlaceFinder(mac_of(person))
    macs = np.frombuffer(b"".join(map(mac_of, people)), np.uint8).reshape(-1, 32)
    for start in range(0, len(macs), piece):
        finder.add(macs[start : start + piece])
    return finder.place()


@functools.lru_cache
def root(size: int) -> str:
    return tree_root([leaf_hash(mac_of(one)) for one in cohort(size)]).hex()


def record(people: list[str], person: str, place: Place) -> dict[str, Any]:
    """As much of a proof as says where somebody stands."""
    return {
        "run": {"opening": {"receiver_commitment": root(len(people))}},
        "side": "receiver",
        "subject": person,
        "salt": base64.b64encode(SALT).decode(),
        "member": place.member,
        "people": place.people,
        "leaves": [leaf.to_mapping() for leaf in place.leaves],
    }


@pytest.mark.parametrize("size", [0, 1, 2, 3, 40, STEP - 1, STEP, STEP + 1, 2 * STEP + 77])
def test_every_place_is_proven(size: int) -> None:
    people = cohort(size)
    asked = {people[row] for row in (0, 1, STEP - 1, STEP, STEP + 1, size // 2, size - 2, size - 1) if 0 <= row < size}
    strangers = {f"stranger-{number}" for number in range(4)} | ends(people)
    for person in asked | strangers:
        place = found(people, person)
        assert (place.member, place.people) == (person in asked, size)
        _place(record(people, person, place))
        lie = record(people, person, place) | {"member": not place.member}
        with pytest.raises(CheckError):
            _place(lie)


def ends(people: list[str]) -> set[str]:
    """Strangers before everybody, behind everybody, and around the border of two groups of leaves."""
    if not people:
        return set()
    macs = [mac_of(person) for person in people]
    borders = [(b"", macs[0]), (macs[-1], b"\xff" * 33)]
    borders += [(macs[row - 1], macs[row]) for row in range(STEP, len(macs), STEP)]
    tried = [f"other-{number}" for number in range(20_000 if len(people) > 50 else 300)]
    by_mac = [(mac_of(name), name) for name in tried]
    return {next((name for mac, name in by_mac if low < mac < high), "stranger-0") for low, high in borders}


def test_nobody_is_hidden_by_a_false_size() -> None:
    """Neighbours follow from their paths: a party that lies about size and indexes proves nothing more."""
    people = cohort(40)
    leaves = [found(people, person).leaves[0].to_mapping() for person in people]
    refused = 0
    for size in range(2, 90):
        for first in range(0, 37, 3):
            for gap in (2, 3):
                hidden = people[first + 1]
                base = record(people, hidden, Place(False, size, b"", ()))
                for index in {first, size - 2, 0}:
                    around = [{**leaves[first], "index": index}, {**leaves[first + gap], "index": index + 1}]
                    with pytest.raises(CheckError):
                        _place({**base, "leaves": around})
                    refused += 1
        for index in {0, size - 1}:  # nor by one end of the tree
            for leaf, hidden in ((leaves[-2], people[-1]), (leaves[1], people[0])):
                base = record(people, hidden, Place(False, size, b"", ()))
                with pytest.raises(CheckError):
                    _place({**base, "leaves": [{**leaf, "index": index}]})
    assert refused > 3000
