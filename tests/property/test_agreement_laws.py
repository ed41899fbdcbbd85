"""Laws of the agreement: one document, one hash, one reading; and nothing but errors of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agreement.agreement import agreement_of, document_of, parse_agreement
from gateway.agreement.card import card_file, card_record, parse_card, read_card_file
from gateway.agreement.draft import complete
from gateway.agreement.signature import check_public_key
from gateway.errors import AssentError, HostileInput, RequestError
from gateway.route.canonical import canonical_bytes
from tests.unit.gateway.agreement.samples import card, document, signed_card, statistics_document

decimals = st.decimals(allow_nan=True, allow_infinity=True).map(str) | st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,7})?")
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,20}", fullmatch=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    scale = draw(st.integers(0, 9))
    bounds = sorted(draw(st.tuples(*[st.integers(-(10**8), 10**8)] * 2)))
    number: dict[str, Any] = {"name": "n", "category": draw(ids), "type": "number", "scale": scale, "max_bytes": 0}
    number |= {"min": str(bounds[0]), "max": str(bounds[1])}
    text: dict[str, Any] = {"name": "t", "category": draw(ids), "type": draw(st.sampled_from(["band", "category"]))}
    text |= {"min": None, "max": None, "scale": 0, "max_bytes": draw(st.integers(1, 255))}
    made = document(
        columns=[number, text],
        purposes=draw(st.lists(ids, min_size=1, max_size=4, unique=True)),
        consent_age_s=draw(st.integers(60, 86_400)),
        retention_days=draw(st.integers(1, 3650)),
        sandbox=draw(st.booleans()),
    )
    made["directions"][1]["columns"] = draw(st.sampled_from([["n"], ["t"], ["t", "n"]]))
    return made


@given(documents())
def test_reading_is_the_inverse_of_writing(made: dict[str, Any]) -> None:
    agreement = agreement_of(made)
    assert document_of(agreement) == made
    assert parse_agreement(agreement.document) == agreement


@given(documents(), st.randoms(use_true_random=False))
def test_the_order_of_fields_never_reaches_the_hash(made: dict[str, Any], random: Any) -> None:
    names = list(made)
    random.shuffle(names)
    assert agreement_of({name: made[name] for name in names}).hash == agreement_of(made).hash


@given(documents(), documents())
def test_different_documents_have_different_hashes(one: dict[str, Any], two: dict[str, Any]) -> None:
    assert (one == two) == (agreement_of(one).hash == agreement_of(two).hash)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        found += places(inner, (*path, step))
    return found


@pytest.mark.parametrize("whole", [document, statistics_document])
@given(st.data())
def test_any_field_may_hold_anything_and_only_our_errors_come_out(
    whole: Callable[[], dict[str, Any]], data: st.DataObject
) -> None:
    made = whole()
    path, value = data.draw(st.sampled_from(places(made))), data.draw(json_values | decimals)
    at: Any = made
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    try:
        agreement = agreement_of(made)
    except RequestError as error:
        assert error.reason == "BAD_FIELD"
    else:
        assert document_of(agreement) == made


@given(st.data())
def test_a_draft_with_anything_in_it_becomes_a_document_or_our_error(data: st.DataObject) -> None:
    made = statistics_document()
    for path in data.draw(st.lists(st.sampled_from(places(made["aggregate"])), max_size=4)):
        at: Any = made["aggregate"]
        for step in path[:-1]:
            at = at[step] if isinstance(at, (dict, list)) and step in (at if isinstance(at, dict) else [0, 1]) else {}
        if isinstance(at, dict):
            at.pop(path[-1], None)
            if data.draw(st.booleans()):
                at[path[-1]] = data.draw(json_values | decimals)
    try:
        agreement = agreement_of(complete(made, {}, "unused"))
    except RequestError as error:
        assert error.reason == "BAD_FIELD"
    else:
        assert agreement_of(complete(document_of(agreement), {}, "unused")) == agreement


@given(st.data(), st.sampled_from(["LAPLACE", "NONE"]), st.sampled_from(["LAPLACE", "NONE"]))
def test_a_completed_draft_is_as_private_as_it_says(data: st.DataObject, dummies: str, noise: str) -> None:
    epsilon = data.draw(st.integers(10_000, 10_000_000).map(lambda micro: f"{Decimal(micro).scaleb(-6):f}"))
    made = statistics_document()
    made["aggregate"] = {"dummies": dummies, "noise": noise, "measures": [{"column": "recency"}, {"column": "channel"}]}
    made["aggregate"]["measures"][1]["values"] = ["web"]
    if dummies == "LAPLACE":
        made["aggregate"]["epsilon_count"] = epsilon
    if (dummies, noise) == ("LAPLACE", "NONE"):
        # How many chose a word is a count of rows, exact beside one that is hidden.
        with pytest.raises(RequestError, match=r"measures\[1\] counts rows exactly"):
            agreement_of(complete(made, {}, "unused"))
        del made["aggregate"]["measures"][1], made["directions"][0]["columns"][1]
    terms = agreement_of(complete(made, {}, "unused")).aggregate
    assert terms is not None
    assert (terms.t > 0) == (terms.epsilon_count > 0) == (terms.delta > 0) == (dummies == "LAPLACE")
    assert all((loss > 0) == (noise == "LAPLACE") for one in terms.measures for _, loss in one.epsilon)


@given(st.sampled_from(sorted(json.loads(card_record(card())))), json_values)
def test_any_card_field_may_hold_anything_and_only_our_errors_come_out(field: str, value: Any) -> None:
    record = json.loads(card_record(card())) | {field: value}
    try:
        read = parse_card(canonical_bytes(record))
    except HostileInput as error:
        assert error.reason == "BAD_SHAPE"
    else:
        assert card_record(read) == canonical_bytes(record)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_crash_a_reader(content: bytes) -> None:
    for read in (parse_agreement, parse_card, read_card_file):
        try:
            read(content)
        except AssentError:
            continue
        raise AssertionError("noise was accepted")


@given(st.data())
def test_a_flipped_byte_of_a_card_file_never_passes_as_another_card(data: st.DataObject) -> None:
    signed = signed_card()
    content = bytearray(card_file(signed))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        assert read_card_file(bytes(content)) == signed  # only spacing may change without a trace
    except HostileInput as error:
        assert error.reason in {"BAD_SHAPE", "BAD_SIGNATURE"}


@given(st.binary(min_size=32, max_size=32))
def test_an_accepted_key_is_canonical(key: bytes) -> None:
    try:
        check_public_key(key)
    except HostileInput:
        return
    assert int.from_bytes(key, "little") & (2**255 - 1) < 2**255 - 19
