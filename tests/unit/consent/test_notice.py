"""Notices say what the law asks for before anybody may see them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from consent.errors import FieldError, NoticeError
from consent.evaluate import History, project
from consent.notice import Notice, NoticeState, RecipientTold
from consent.publishing import missing_contents, publish, supersede
from consent.registry import Registry
from tests.unit.consent.scene import REGISTRY, asks, day, decides, gives, item, notice, says, told, world

PUBLICATION = ("publication", "publication_place", "publication_period")


def draft(**more) -> Notice:
    values = {"state": NoticeState.DRAFT, "published_at": None, "automated_effect": "labels", "recipients": []}
    values["automated_categories"] = ("phone",) if "phone" in more.get("categories", ("phone",)) else more["categories"]
    return notice(**(values | more))


def test_a_complete_draft_misses_nothing():
    assert missing_contents(draft(recipients=[told("platform")]), REGISTRY) == ()


@pytest.mark.parametrize(
    "field",
    [
        "text",
        "handler_name",
        "handler_contact",
        "purposes",
        "categories",
        "methods",
        "retention",
        "after_retention",
        "rights_channel",
        "withdrawal_channel",
        "closure_channel",
    ],
)
def test_every_notice_needs(field):
    value = getattr(draft(), field)
    assert missing_contents(replace(draft(), **{field: type(value)()}), REGISTRY) == (field,)


@pytest.mark.parametrize("field", ["name", "contact", "purposes", "methods", "categories"])
def test_a_recipient_is_told_in_full(field):
    thin = replace(told("platform"), **{field: type(getattr(told("platform"), field))()})
    assert missing_contents(draft(recipients=[told("heir"), thin]), REGISTRY) == (f"recipients[1].{field}",)
    assert 23 not in draft(recipients=[thin]).contents_present("platform")


def test_triggers():
    at_home, entrusted = told("platform"), RecipientTold("cloud")
    assert missing_contents(draft(recipients=[entrusted]), REGISTRY) == ()
    assert missing_contents(draft(recipients=[told("singapore")]), REGISTRY) == ("recipients[0].rights_channel",)
    assert missing_contents(draft(recipients=[told("singapore", rights_channel="x")]), REGISTRY) == ()
    assert missing_contents(draft(categories=("location",)), REGISTRY) == ("necessity", "impact")
    told_more = replace(at_home, categories=("location",), methods=("publish",))
    assert missing_contents(draft(recipients=[told_more]), REGISTRY) == ("necessity", "impact", *PUBLICATION)
    assert missing_contents(draft(automated_effect=""), REGISTRY) == ("automated_effect",)
    assert missing_contents(draft(automated_effect="", purposes=("delivery",)), REGISTRY) == ()
    assert missing_contents(draft(methods=("publish",)), REGISTRY) == PUBLICATION
    assert missing_contents(draft(material_for=("enrichment",)), REGISTRY) == ()
    assert missing_contents(draft(version=2, material_for=("enrichment",)), REGISTRY) == ("change",)


def test_children_are_told_and_their_guardians():
    told_both = draft(children=True, children_rules="规则", guardian_text="致监护人", necessity="n", impact="i")
    assert missing_contents(told_both, REGISTRY) == ()
    assert missing_contents(draft(children=True), REGISTRY) == (
        "children_rules", "guardian_text", "necessity", "impact",
    )  # fmt: skip


def test_automated_decisions_name_what_they_use():
    assert missing_contents(replace(draft(), automated_categories=()), REGISTRY) == ("automated_categories",)
    assert missing_contents(replace(draft(), automated_categories=("phone", "purchases")), REGISTRY) == (
        "automated_categories[1] (not among the categories)",
    )


def test_a_merger_is_told_by_name_and_contact():
    heir = RecipientTold("heir", name="承继公司", contact="dpo@heir.example", succeeds="platform")
    assert missing_contents(draft(recipients=[heir]), REGISTRY) == ()
    assert 23 not in draft(recipients=[heir]).contents_present("heir")
    assert missing_contents(draft(recipients=[replace(heir, contact="", succeeds="ghost")]), REGISTRY) == (
        "recipients[0].contact", "recipients[0].succeeds (not registered)",
    )  # fmt: skip
    # What it receives besides is told in full.
    assert missing_contents(draft(recipients=[replace(heir, purposes=("enrichment",))]), REGISTRY) == (
        "recipients[0].methods", "recipients[0].categories",
    )  # fmt: skip


def test_an_entrusted_party_abroad_is_told_like_any_recipient_abroad():
    cloud = replace(REGISTRY.parties["cloud"], processing_country="SG")
    registry = world(parties=[*(party for party in REGISTRY.parties.values() if party.id != "cloud"), cloud])
    assert missing_contents(draft(recipients=[RecipientTold("cloud", name="云")]), registry) == tuple(
        f"recipients[0].{name}" for name in ("contact", "purposes", "methods", "categories", "rights_channel")
    )


def test_the_text_is_chinese_and_a_change_is_for_known_purposes():
    assert missing_contents(draft(text="We will ..."), REGISTRY) == ("text (in Chinese)",)
    assert missing_contents(draft(material_for=("resale",)), REGISTRY) == ("material_for[0] (not registered)",)


def test_the_base_of_an_aggregate_counts():
    registry = world(
        categories=[
            *(category for category in REGISTRY.categories.values() if category.id != "purchases"),
            replace(REGISTRY.categories["purchases"], sensitive=True),
        ]
    )
    assert missing_contents(draft(categories=("statistics",)), registry) == ("necessity", "impact")


def test_what_nobody_registered_cannot_be_announced():
    odd = replace(told("ghost"), purposes=("resale",))
    assert missing_contents(draft(methods=("telepathy",), categories=("iris",), recipients=[odd]), REGISTRY) == (
        "categories[0] (not registered)",
        "methods[0] (not registered)",
        "recipients[0].party (not registered)",
        "recipients[0].purposes[0] (not registered)",
    )


def test_publishing():
    published = publish(draft(), REGISTRY, day(3), day(4))
    assert (published.state, published.published_at, published.effective_at, published.recorded_at) == (
        NoticeState.PUBLISHED,
        day(3),
        day(3),
        day(4),
    )
    assert published.content_hash() == draft().content_hash()
    assert publish(draft(effective_at=day(9)), REGISTRY, day(3)).effective_at == day(9)
    assert supersede(published).state is NoticeState.SUPERSEDED


def test_publishing_too_little():
    with pytest.raises(NoticeError, match="retention, closure_channel") as caught:
        publish(draft(retention="", closure_channel=""), REGISTRY, day(3))
    assert (caught.value.reason, caught.value.field) == ("NOTICE_INCOMPLETE", "retention")
    assert caught.value.missing == ("retention", "closure_channel")


def test_publishing_twice():
    published = publish(draft(), REGISTRY, day(3))
    with pytest.raises(NoticeError) as caught:
        publish(published, REGISTRY, day(4))
    assert caught.value.reason == "NOTICE_STATE"
    with pytest.raises(NoticeError):
        supersede(draft())
    with pytest.raises(NoticeError):
        supersede(supersede(published))


def test_binding_before_publication():
    with pytest.raises(FieldError, match="effective_at"):
        publish(draft(effective_at=day(2)), REGISTRY, day(3))


def test_contents_present():
    shown = notice(necessity="need", impact="impact", recipients=[told("platform"), told("heir", rights_channel="x")])
    assert shown.contents_present() == {17, 30}
    assert shown.contents_present("platform") == {17, 23, 30}
    assert shown.contents_present("heir") == {17, 23, 30, 39}
    assert shown.contents_present("ghost") == {17, 30}
    assert notice(retention="", impact="only").contents_present("platform") == {23}


def test_a_recipient_listed_twice():
    twice = [told("heir", rights_channel="x"), replace(told("heir"), purposes=("delivery",)), RecipientTold("heir")]
    assert notice(recipients=twice).contents_present("heir") == {17, 23, 39}


@pytest.mark.parametrize(
    "made",
    [
        draft(),
        draft(effective_at=day(5), title="t", change="c", publication="p", material_for=("enrichment",)),
        notice(recorded_at=day(1), effective_at=day(1)),
        notice(state=NoticeState.SUPERSEDED, recipients=[told("heir", rights_channel="x")], language="en"),
    ],
)
def test_mapping_and_back(made):
    assert Notice.from_mapping(made.to_mapping()) == made


def test_draft_from_outside():
    assert Notice.draft(draft(effective_at=day(5)).content() | {"effective_at": "2026-02-01T00:00:00Z"}) == draft(
        effective_at=day(30.916666666666668)
    )
    assert Notice.draft({"id": "N"}) == Notice("N", 1)
    for name in ("state", "published_at", "recorded_at"):
        with pytest.raises(FieldError, match=f"^{name}: is set by publishing"):
            Notice.draft({"id": "N", name: "published"})


@pytest.mark.parametrize(
    ("mapping", "field"),
    [
        ({"id": "N@1"}, "id"),
        ({"id": "N", "version": 0}, "version"),
        ({"id": "N", "version": True}, "version"),
        ({"id": "N", "titel": "x"}, "titel"),
        ({"id": "N", "text": 5}, "text"),
        ({"id": "N", "purposes": "enrichment"}, "purposes"),
        ({"id": "N", "recipients": [{"name": "x"}]}, "recipients[0].party"),
        ({"id": "N", "recipients": [{"party": "p", "phone": "x"}]}, "recipients[0].phone"),
        ({"id": "N", "state": "published"}, "published_at"),
        ({"id": "N", "published_at": "2026-01-01T00:00:00Z"}, "published_at"),
        ({"id": "N", "state": "secret"}, "state"),
    ],
)
def test_malformed(mapping, field):
    with pytest.raises(FieldError) as caught:
        Notice.from_mapping(mapping)
    assert caught.value.field == field


def test_versions_begin_with_one():
    with pytest.raises(FieldError):
        Notice("N", 0)


def test_content_hash():
    """The hash is over canonical JSON; it changes with every word and with nothing else."""
    made = Notice("N", 1, text="我们将……")
    expected = '{"id":"N","language":"zh-CN","text":"我们将……","version":1}'
    assert made.content_hash() == hashlib.sha256(expected.encode()).hexdigest()
    assert replace(made, text="我们将…").content_hash() != made.content_hash()
    assert replace(made, recorded_at=day(1)).content_hash() == made.content_hash()


def test_registry_knows_published_versions_only():
    first, second = notice(), notice(version=2)
    registry = Registry.of(notices=[second, draft(version=3), first])
    assert registry.versions == {"N": (first, second)}
    assert set(registry.notices) == {"N@1", "N@2"}


def test_a_notice_covers_only_the_uses_it_tells_of():
    part = {"purposes": ("enrichment",), "categories": ("phone",), "methods": ("psi_hash",)}
    shown = notice(
        **part, recipients=[replace(told("platform"), **part), replace(told("heir"), purposes=("delivery",))]
    )
    use = {"purpose": "enrichment", "categories": ("phone",), "method": "psi_hash"}
    others = ({"purpose": "delivery"}, {"categories": ("purchases",)}, {"method": "publish"})
    assert shown.untold(**use, recipient=None) == shown.untold(**use, recipient="platform") == set()
    assert [shown.untold(**use | other, recipient=None) for other in others] == [{17}] * 3
    assert [shown.untold(**use | other, recipient="platform") for other in others] == [{17, 23}] * 3
    # What is told of a recipient alone is told; of another it is not.
    delivery = use | {"purpose": "delivery"}
    assert shown.untold(**delivery, recipient="heir") == set()
    assert shown.untold(**use, recipient="heir") == {23}


def test_consent_under_a_notice_that_is_silent_on_the_use_is_none():
    silent = notice("SILENT", purposes=("delivery",), recipients=[replace(told("platform"), methods=("publish",))])
    registry = replace(world(), notices={**world().notices, "SILENT@1": silent}, versions={"SILENT": (silent,)})
    given = gives(1, notice="SILENT@1")
    assert says(decides([given], asks(), registry)) == "CONSENT_INVALID 14 17 23"
    own = gives(1, None, item(recipients=[]), notice="SILENT@1")
    assert says(decides([own], asks(recipient=None), registry)) == "CONSENT_INVALID 14 17"
    assert not any(row.plain for row in project(History("ann", (given,)), registry))
