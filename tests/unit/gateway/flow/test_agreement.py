from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.agreement.agreement import agreement_of
from gateway.agreement.card import card_file, sign_card
from gateway.agreement.draft import complete
from gateway.errors import AccessError, HostileInput, RequestError, StateError
from gateway.flow.agreement import (
    accept,
    bind,
    get,
    list_agreements,
    propose,
    receive_countersignature,
    receive_proposal,
)
from gateway.flow.match_key import takes_one
from gateway.flow.partner import accept_partner
from gateway.flow.ports import DatasetPart, House
from gateway.flow.registry import create_category
from gateway.route.agreement import Agreement, AgreementBinding, AgreementState, Noise, Padding
from gateway.route.party import Partner
from tests.unit.gateway.agreement.samples import EXACT, statistics_document, terms
from tests.unit.gateway.flow.houses import (
    ADMIN,
    CDP,
    OFFICER,
    Neighbours,
    OneDataset,
    StoppedClock,
    build_friends,
    copy_built,
    draft,
    entries_of,
    open_house,
)

REQUEST = "5f0c2f1e-2c4f-4f0a-8d0c-9a1b2c3d4e5f"


@dataclass
class Street:
    """Two gateways that know each other, ready to agree."""

    retailer: House
    platform: House
    neighbours: Neighbours
    clock: StoppedClock

    async def partner(self, host: House, party: str) -> Partner:
        async with host.store.read() as tx:
            return await tx.partners.get(party)

    def whole(self, **changes: Any) -> Agreement:
        """The agreement that `draft` stands for."""
        cards = {house.custody.party: house.custody.own_card().card for house in (self.retailer, self.platform)}
        return agreement_of(complete(draft(**changes), cards, str(uuid.uuid4())))


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    neighbours, clock = Neighbours(), StoppedClock()
    await copy_built("friends", build_friends, tmp_path)
    async with (
        open_house(tmp_path / "retailer", "retailer", clock, neighbours) as retailer,
        open_house(tmp_path / "platform", "platform", clock, neighbours) as platform,
    ):
        yield Street(retailer, platform, neighbours, clock)


async def kinds(house: House) -> list[str]:
    wanted = ("agreement_proposed", "agreement_countersigned", "agreement_bound")
    return [kind for kind, _ in await entries_of(house, kinds=lambda kind: kind in wanted)]


async def test_an_agreement_comes_into_force_on_both_sides_with_one_hash(street: Street) -> None:
    proposed = await propose(street.retailer, ADMIN, draft(), REQUEST)
    assert proposed.state is AgreementState.PROPOSED
    there = await get(street.platform, ADMIN, proposed.agreement.agreement_id)
    assert (there.state, there.agreement) == (AgreementState.PROPOSED, proposed.agreement)
    accepted = await accept(street.platform, ADMIN, there.agreement.agreement_id, there.agreement.hash.hex())
    assert accepted.state is AgreementState.IN_FORCE
    here = await get(street.retailer, CDP, proposed.agreement.agreement_id)
    assert here.state is AgreementState.IN_FORCE
    assert here.agreement.hash == accepted.agreement.hash
    assert dict(here.signatures) == dict(accepted.signatures)
    assert set(dict(here.signatures)) == {"retailer", "platform"}
    for house in (street.retailer, street.platform):
        assert await kinds(house) == ["agreement_proposed", "agreement_countersigned"]
        assert [copy.agreement for copy in await list_agreements(house, OFFICER)] == [proposed.agreement]


async def test_the_same_request_is_the_same_proposal(street: Street) -> None:
    first = await propose(street.retailer, ADMIN, draft(), REQUEST)
    again = await propose(street.retailer, ADMIN, draft(), REQUEST)
    assert again == first
    assert await kinds(street.retailer) == ["agreement_proposed"]
    assert await kinds(street.platform) == ["agreement_proposed"]
    with pytest.raises(StateError) as caught:
        await propose(street.retailer, ADMIN, draft(retention_days=90), REQUEST)
    assert caught.value.reason == "REVISION_CONFLICT"


async def test_an_unreachable_partner_gets_the_proposal_later(street: Street) -> None:
    street.neighbours.cut = True
    with pytest.raises(StateError) as caught:
        await propose(street.retailer, ADMIN, draft(), REQUEST)
    assert caught.value.reason == "PEER_UNAVAILABLE"
    (stored,) = await list_agreements(street.retailer, ADMIN)
    assert await list_agreements(street.platform, ADMIN) == []
    street.neighbours.cut = False
    assert await propose(street.retailer, ADMIN, draft(), REQUEST) == stored
    assert [copy.agreement for copy in await list_agreements(street.platform, ADMIN)] == [stored.agreement]


async def test_an_acceptance_stands_while_the_proposer_is_away(street: Street) -> None:
    proposed = await propose(street.retailer, ADMIN, draft(), REQUEST)
    street.neighbours.cut = True
    agreement_id = proposed.agreement.agreement_id
    for _ in range(2):
        with pytest.raises(StateError, match="does not answer"):
            await accept(street.platform, ADMIN, agreement_id, "")
    assert (await get(street.platform, ADMIN, agreement_id)).state is AgreementState.IN_FORCE
    assert (await get(street.retailer, ADMIN, agreement_id)).state is AgreementState.PROPOSED
    street.neighbours.cut = False
    await accept(street.platform, ADMIN, agreement_id, "")
    assert (await get(street.retailer, ADMIN, agreement_id)).state is AgreementState.IN_FORCE
    await accept(street.platform, ADMIN, agreement_id, "")
    assert await kinds(street.platform) == ["agreement_proposed", "agreement_countersigned"]
    assert await kinds(street.retailer) == ["agreement_proposed", "agreement_countersigned"]


async def test_the_proposer_cannot_accept_for_the_partner(street: Street) -> None:
    proposed = await propose(street.retailer, ADMIN, draft(), REQUEST)
    with pytest.raises(StateError) as caught:
        await accept(street.retailer, ADMIN, proposed.agreement.agreement_id, "")
    assert caught.value.reason == "STAGE_ORDER"


async def test_only_what_was_read_is_accepted(street: Street) -> None:
    proposed = await propose(street.retailer, ADMIN, draft(), REQUEST)
    with pytest.raises(RequestError, match="expected_hash"):
        await accept(street.platform, ADMIN, proposed.agreement.agreement_id, "00" * 32)
    assert (await get(street.platform, ADMIN, proposed.agreement.agreement_id)).state is AgreementState.PROPOSED


async def test_proposing_the_same_document_to_each_other_is_an_agreement(street: Street) -> None:
    document = complete(draft(), {}, str(uuid.uuid4()))
    await propose(street.retailer, ADMIN, document, REQUEST)
    await propose(street.platform, ADMIN, document, REQUEST)
    for house in (street.retailer, street.platform):
        (copy,) = await list_agreements(house, ADMIN)
        assert copy.state is AgreementState.IN_FORCE


SEVERAL = [{"name": name, "category": "phone_hash"} for name in ("phone.e164", "email.plain")]


async def test_only_administrators_agree_and_everyone_may_look(street: Street) -> None:
    proposed = await propose(street.retailer, ADMIN, draft(), REQUEST)
    for caller in (CDP, OFFICER):
        with pytest.raises(AccessError):
            await propose(street.retailer, caller, draft(), REQUEST)
        with pytest.raises(AccessError):
            await accept(street.platform, caller, proposed.agreement.agreement_id, "")
        with pytest.raises(AccessError):
            await bind(street.retailer, caller, binding(proposed.agreement))
        assert await get(street.retailer, caller, proposed.agreement.agreement_id) == proposed


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"purposes": ["mind_reading"]}, "purposes[0]"),
        ({"match_keys": [{"name": "phone.e164", "category": "iris"}]}, "match_keys[0].category"),
        (
            {
                "parties": [
                    {"id": "retailer", "impact_assessment": "pia-none"},
                    {"id": "platform", "impact_assessment": "pia-2026-07"},
                ]
            },
            "parties[0].impact_assessment",
        ),
        ({"valid_until": "2026-11-20T08:30:00Z"}, "valid_until"),
        ({"match_keys": SEVERAL, "padding": "POWER_OF_TWO"}, "directions[0]: several match keys"),
        (
            {
                "match_keys": SEVERAL,
                "directions": [
                    {"operation": "MATCH", "receiver": "retailer", "sender": "platform"},
                    {
                        "operation": "MATCH",
                        "receiver": "platform",
                        "sender": "retailer",
                        "result_to": ["platform", "retailer"],
                    },
                ],
                "columns": [],
            },
            "directions[1]: several match keys",
        ),
        ({"unknown": 1}, "unknown field"),
        ({"consent_age_s": 5}, "consent_age_s"),
    ],
)
async def test_we_sign_only_what_our_registry_carries(street: Street, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(RequestError) as caught:
        await propose(street.retailer, ADMIN, draft(**changes), REQUEST)
    assert named in caught.value.message
    assert street.neighbours.calls == []
    assert await list_agreements(street.retailer, ADMIN) == []
    assert await kinds(street.retailer) == []


async def test_the_acceptor_checks_its_own_registry_too(street: Street) -> None:
    await create_category(street.retailer, ADMIN, {"id": "email_hash"})
    changed = draft(match_keys=[{"name": "email.plain", "category": "email_hash"}])
    proposed = await propose(street.retailer, ADMIN, changed, REQUEST)
    with pytest.raises(RequestError, match="category"):
        await accept(street.platform, ADMIN, proposed.agreement.agreement_id, "")
    await create_category(street.platform, ADMIN, {"id": "email_hash"})
    await accept(street.platform, ADMIN, proposed.agreement.agreement_id, "")


async def test_a_stranger_is_not_agreed_with(street: Street, tmp_path: Path) -> None:
    document = draft("retailer", "stranger")
    async with open_house(tmp_path / "stranger", "stranger") as stranger:
        card = stranger.custody.own_card().card
    cards = {"retailer": street.retailer.custody.own_card().card, "stranger": card}
    with pytest.raises(StateError) as caught:
        await propose(street.retailer, ADMIN, complete(document, cards, str(uuid.uuid4())), REQUEST)
    assert caught.value.reason == "NOT_FOUND"
    with pytest.raises(RequestError, match="own party"):
        await propose(street.platform, ADMIN, complete(document, cards, str(uuid.uuid4())), REQUEST)


async def test_keys_and_names_are_those_of_the_cards(street: Street) -> None:
    for field, value in (("agreement_key", "q" + "A" * 42 + "="), ("legal_name", "另一家公司")):
        document = draft()
        document["parties"][1][field] = value
        with pytest.raises(RequestError, match=r"parties\[1\]"):
            await propose(street.retailer, ADMIN, document, REQUEST)


async def test_a_proposal_counts_only_with_the_diallers_signature(street: Street) -> None:
    agreement = street.whole()
    retailer = await street.partner(street.platform, "retailer")
    own = street.retailer.custody.sign_record("agreement", agreement.document)
    other = street.platform.custody.sign_record("agreement", agreement.document)
    for document, signature, error in [
        (agreement.document, other, HostileInput),
        (agreement.document, b"", HostileInput),
        (agreement.document + b" ", own, HostileInput),
        (b"\xff", own, HostileInput),
        (street.whole(sandbox=False).document, own, HostileInput),
    ]:
        with pytest.raises(error):
            await receive_proposal(street.platform, retailer, document, signature)
    assert await list_agreements(street.platform, ADMIN) == []
    await receive_proposal(street.platform, retailer, agreement.document, own)


async def test_a_partner_proposes_only_for_itself_and_us(street: Street, tmp_path: Path) -> None:
    agreement = street.whole()
    signature = street.retailer.custody.sign_record("agreement", agreement.document)
    async with open_house(tmp_path / "third", "third") as third:
        signed = third.custody.own_card()
        partner = await accept_partner(street.platform, ADMIN, card_file(signed), signed.fingerprint)
    with pytest.raises(RequestError, match="neither"):
        await receive_proposal(street.platform, partner, agreement.document, signature)
    with pytest.raises(StateError) as caught:
        await receive_countersignature(street.platform, partner, agreement.agreement_id, agreement.hash, signature)
    assert caught.value.reason == "NOT_FOUND"
    proposed = await propose(street.platform, ADMIN, complete(draft(), {}, agreement.agreement_id), REQUEST)
    with pytest.raises(StateError) as caught:
        await receive_countersignature(
            street.platform, partner, agreement.agreement_id, proposed.agreement.hash, signature
        )
    assert caught.value.reason == "NOT_FOUND"


async def test_a_countersignature_is_checked(street: Street) -> None:
    street.neighbours.cut = True
    with pytest.raises(StateError):
        await propose(street.retailer, ADMIN, draft(), REQUEST)
    (copy,) = await list_agreements(street.retailer, ADMIN)
    agreement, platform = copy.agreement, await street.partner(street.retailer, "platform")
    good = street.platform.custody.sign_record("agreement", agreement.document)
    with pytest.raises(HostileInput) as caught:
        await receive_countersignature(street.retailer, platform, agreement.agreement_id, bytes(32), good)
    assert caught.value.reason == "DIGEST_MISMATCH"
    with pytest.raises(HostileInput) as caught:
        await receive_countersignature(
            street.retailer, platform, agreement.agreement_id, agreement.hash, dict(copy.signatures)["retailer"]
        )
    assert caught.value.reason == "BAD_SIGNATURE"
    assert (await get(street.retailer, ADMIN, agreement.agreement_id)).state is AgreementState.PROPOSED
    for _ in range(2):
        await receive_countersignature(street.retailer, platform, agreement.agreement_id, agreement.hash, good)
    assert (await get(street.retailer, ADMIN, agreement.agreement_id)).state is AgreementState.IN_FORCE


async def test_a_proposal_is_accepted_not_countersigned(street: Street) -> None:
    proposed = await propose(street.retailer, ADMIN, draft(), REQUEST)
    agreement, retailer = proposed.agreement, await street.partner(street.platform, "retailer")
    with pytest.raises(StateError) as caught:
        await receive_countersignature(
            street.platform, retailer, agreement.agreement_id, agreement.hash, dict(proposed.signatures)["retailer"]
        )
    assert caught.value.reason == "STAGE_ORDER"


async def test_a_rotated_card_does_not_unsign_what_was_agreed(street: Street) -> None:
    proposed = await propose(street.retailer, ADMIN, draft(), REQUEST)
    card = street.retailer.custody.own_card().card
    later = replace(card, issued_at=card.issued_at + timedelta(days=1), pins=("ab" * 32,))
    signed = sign_card(later, street.retailer.custody.sign_record)
    await accept_partner(street.platform, ADMIN, card_file(signed), signed.fingerprint)
    await accept(street.platform, ADMIN, proposed.agreement.agreement_id, "")


def binding(agreement: Agreement, **changes: Any) -> AgreementBinding:
    fields: dict[str, Any] = {
        "agreement_id": agreement.agreement_id,
        "dataset": "members",
        "subject_column": "member_id",
        "subject_type": "customer",
        "match_key_columns": (("phone.e164", "mobile"),),
        "value_columns": (),
    }
    return AgreementBinding(**(fields | changes))


async def test_a_binding_is_checked_stored_and_logged(street: Street) -> None:
    agreement = (await propose(street.retailer, ADMIN, draft(), REQUEST)).agreement
    values = (("recency", "months"), ("channel", "channel"))
    for house, good in (
        (street.retailer, binding(agreement)),
        (street.platform, binding(agreement, value_columns=values)),
    ):
        assert await bind(house, ADMIN, good) == good
        async with house.store.read() as tx:
            assert await tx.agreements.binding(agreement.agreement_id) == good
        ((_, payload),) = await entries_of(house, kinds=lambda kind: kind == "agreement_bound")
        assert payload is not None
        assert json.loads(payload)["dataset"] == "members"
    for house, bad, named in (
        (street.retailer, binding(agreement, value_columns=values), "value_columns"),
        (street.platform, binding(agreement), "value_columns"),
        (street.retailer, binding(agreement, match_key_columns=(("phone.e164", "fax"),)), "match_key_columns"),
        (street.retailer, binding(agreement, subject_column="mobile"), "subject_column"),
    ):
        with pytest.raises(RequestError, match=named):
            await bind(house, ADMIN, bad)
    with pytest.raises(StateError, match="data set"):
        await bind(street.retailer, ADMIN, binding(agreement, dataset="nothing"))
    with pytest.raises(StateError):
        await bind(street.retailer, ADMIN, binding(replace(agreement, agreement_id=str(uuid.uuid4()))))


async def test_a_data_set_of_several_sources_answers_for_several_match_keys(street: Street) -> None:
    agreement = (await propose(street.retailer, ADMIN, draft(match_keys=SEVERAL), REQUEST)).agreement
    columns = (("phone.e164", "mobile"), ("email.plain", "channel"))
    good = binding(agreement, match_key_columns=columns)
    described = cast(OneDataset, street.retailer.datasets)
    parts = tuple(DatasetPart(name, "csv", "member_id") for name in ("core", "cards"))
    described.description = replace(described.description, parts=parts)
    assert await bind(street.retailer, ADMIN, good) == good
    # What the second source is declared to hold counts as that of the first.
    described.held = ({}, {"channel": "email.google.md5"})
    with pytest.raises(
        RequestError, match=r"email.plain: the column bound to email.plain holds digests of email.google"
    ):
        await bind(street.retailer, ADMIN, good)


def test_statistics_take_one_match_key_but_without_dummies_and_noise() -> None:
    agreement = agreement_of(statistics_document(terms(**EXACT), match_keys=SEVERAL))
    assert any(one.operation.grouped for one in agreement.directions)
    assert not any(takes_one(agreement, one) for one in agreement.directions)
    exact = agreement.aggregate
    assert exact is not None
    # No agreement is read that says so; a run looks at it once more.
    for change in ({"dummies": Noise.LAPLACE}, {"noise": Noise.LAPLACE}):
        noisy = replace(agreement, aggregate=replace(exact, **change))  # type: ignore[arg-type]
        assert all(takes_one(noisy, one) == one.operation.grouped for one in agreement.directions)
    # Filling up concerns lists of rows.
    padded = replace(agreement, padding=Padding.POWER_OF_TWO)
    assert all(takes_one(padded, one) != one.operation.grouped for one in agreement.directions)
