"""Records from JSON files: read whole, or refused by the field at fault."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli.record_file import read_record
from gateway.client import BasisRule, Party, PartyContract, PartyEvent
from gateway.errors import RequestError

CONTRACT = {
    "id": "C-1",
    "type": "provision",
    "valid_from": "2026-01-01T08:00:00+08:00",
    "valid_until": "2027-01-01T08:00:00+08:00",
    "purposes": ["p"],
}


def written(folder: Path, body: object) -> Path:
    file = folder / "party.json"
    file.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
    return file


def test_a_party_with_its_contracts(tmp_path: Path) -> None:
    body = {"id": "courier", "role": "handler", "legal_name": "快递", "restricted": True, "contracts": [CONTRACT]}
    found = read_record(written(tmp_path, body), Party, without={"created_at"}, within={"contracts": PartyContract})
    (contract,) = found.contracts
    assert (found.legal_name, found.restricted, contract.purposes) == ("快递", True, ("p",))
    assert contract.valid_from == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "body", "named"),
    [
        (Party, [], "object with fields"),
        (Party, {"id": "a", "role": "handler", "brand": "x"}, "object with fields"),
        (Party, {"id": "a", "role": "handler", "created_at": "2026-01-01T00:00:00Z"}, "object with fields"),
        (Party, {"id": "a"}, "required"),
        (Party, {"id": 7, "role": "handler"}, "id must be"),
        (Party, {"id": "a", "role": "handler", "restricted": "yes"}, "restricted must be"),
        (Party, {"id": "a", "role": "handler", "version": True}, "version must be"),
        (Party, {"id": "a", "role": "handler", "contracts": [CONTRACT, 3]}, r"contracts\[1\]"),
        (Party, {"id": "a", "role": "handler", "contracts": [CONTRACT | {"purposes": "p"}]}, "list of texts"),
        (PartyEvent, {"id": "a", "type": "SUSPENDED", "party": "p", "at": "2026-01-01"}, "zone"),
        (BasisRule, {"id": "a", "categories": [1]}, "list of texts"),
    ],
)
def test_what_is_no_record(tmp_path: Path, kind: type, body: object, named: str) -> None:
    with pytest.raises(RequestError, match=named):
        read_record(written(tmp_path, body), kind, without={"created_at"}, within={"contracts": PartyContract})


def test_a_file_that_is_no_json(tmp_path: Path) -> None:
    file = tmp_path / "party.json"
    file.write_bytes(b"\xff{")
    with pytest.raises(RequestError, match="readable JSON"):
        read_record(file, Party)
