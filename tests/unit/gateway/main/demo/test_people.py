from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from consent.event import ConsentEvent
from gateway.main.demo import groundwork
from gateway.main.demo.groundwork import PLATFORM, RETAILER
from gateway.main.demo.people import KINDS, People, two_companies, withdrawals

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ROWS = (1500, 2200)


def _people() -> People:
    terms = (groundwork.terms(RETAILER, NOW), groundwork.terms(PLATFORM, NOW))
    return two_companies(*terms, ROWS, 700)


def test_people_are_the_same_every_time_and_as_many_as_asked() -> None:
    people = _people()
    assert people == _people()
    assert (people.retailer.customers.num_rows, people.platform.customers.num_rows) == ROWS
    assert len(set(people.shared)) == 700


def test_shared_people_have_one_phone_number() -> None:
    people = _people()
    ours = dict(zip(*people.retailer.customers.select(["customer_id", "phone"]).to_pydict().values(), strict=True))
    theirs = dict(zip(*people.platform.customers.select(["user_id", "mobile"]).to_pydict().values(), strict=True))
    plain = {customer: "".join(filter(str.isdigit, phone))[-11:] for customer, phone in ours.items()}
    same = [(mine, other) for mine, other in people.shared if plain[mine] == theirs[other]]
    assert len(same) >= 700 - 13  # some rows of the retailer hold no number
    strangers = set(theirs.values()) - {theirs[other] for _, other in people.shared}
    assert strangers.isdisjoint(plain.values())


def test_every_event_is_one_that_the_book_takes() -> None:
    for company in (_people().retailer, _people().platform):
        events = [ConsentEvent.from_mapping(event, recorded_at=NOW) for event in company.events]
        assert len({event.event_id for event in events}) == len(events)
        assert all(event.at < NOW for event in events)
        kinds = Counter(str(event.type) for event in events)
        assert kinds["consent_given"] > 0.8 * company.customers.num_rows
        assert {"consent_refused", "consent_withdrawn", "deletion_requested", "personalisation_opt_out"} <= set(kinds)


def test_ids_do_not_tell_whose_they_are() -> None:
    for company in (_people().retailer, _people().platform):
        assert not [
            event
            for event in company.events
            if str(event["subject"]) in f"{event['event_id']}{event.get('consent_id', '')}"
        ]


def test_withdrawals_have_ids_of_their_own() -> None:
    terms = groundwork.terms(RETAILER, NOW)
    made = withdrawals(terms, ["C0000001", "C0000002"], NOW)
    known = {event["event_id"] for event in _people().retailer.events}
    assert {event["type"] for event in made} == {"consent_withdrawn"}
    assert len({event["event_id"] for event in made} - known) == 2


def test_shares_are_of_a_thousand() -> None:
    assert sum(KINDS.values()) == 1000
