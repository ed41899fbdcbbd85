"""Publishing a notice (公布): what it must show by then, and the two steps of its state.

own use         who, what for, what, how, how long, what after, all channels    PIPL 17, NDSR 21
provision       + each recipient: name, contact, purpose, method, categories    PIPL 23
sensitive       + why it is needed, what it means for the person                PIPL 30
under fourteen  + rules of their own, a text for the guardian; all is sensitive PIPL 31
export          + how to exercise rights against the recipient                  PIPL 39
automated       + what is used, what it may mean                                PIPL 24
publishing      + what, where, how long                                         PIPL 25
entrustment     nothing
merger          + the successor's name and contact                              PIPL 22
change          + what changes, where fresh consent is asked                    PIPL 14(2)
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from consent.errors import FieldError, NoticeError
from consent.notice import EVERY_NOTICE, Notice, NoticeState, RecipientTold
from consent.party import Party
from consent.registry import Registry

_PUBLICATION = ("publication", "publication_place", "publication_period")


def missing_contents(notice: Notice, registry: Registry) -> tuple[str, ...]:
    """Return the fields that a notice must fill in before it may be published, in order.

    The law's triggers (PIPL 14, 17, 22, 23, 24, 25, 30, 31, 39; NDSR 21) are read off what the
    notice announces and off the registry. A name that the registry does not know is
    reported as `purposes[0] (not registered)`: nobody can say what it triggers.

    Args:
        notice: the draft.
        registry: purposes, categories, methods and parties that exist.
    """
    missing = [name for name in EVERY_NOTICE if not getattr(notice, name)]
    if notice.text and not _chinese(notice.text):
        missing.append("text (in Chinese)")
    purposes, categories, methods = list(notice.purposes), list(notice.categories), list(notice.methods)
    missing += _unregistered("", purposes, categories, methods, registry)
    for position, told in enumerate(notice.recipients):
        path = f"recipients[{position}]"
        missing += [f"{path}.{name}" for name in _untold(told, registry.parties.get(told.party))]
        if told.succeeds and told.succeeds not in registry.parties:
            missing.append(f"{path}.succeeds (not registered)")
        missing += _unregistered(path + ".", told.purposes, told.categories, told.methods, registry)
        purposes += told.purposes
        categories += told.categories
        methods += told.methods

    def empty(*names: str) -> list[str]:
        return [name for name in names if not getattr(notice, name)]

    if notice.children:
        missing += empty("children_rules", "guardian_text")
    if notice.children or any(registry.sensitive(category) for category in categories):
        missing += empty("necessity", "impact")
    if any(registry.purposes[purpose].automated for purpose in purposes if purpose in registry.purposes):
        missing += empty("automated_effect", "automated_categories")
    missing += [
        f"automated_categories[{position}] (not among the categories)"
        for position, category in enumerate(notice.automated_categories)
        if categories and category not in categories
    ]
    if any(registry.methods[method].publishes for method in methods if method in registry.methods):
        missing += empty(*_PUBLICATION)
    missing += [
        f"material_for[{position}] (not registered)"
        for position, purpose in enumerate(notice.material_for)
        if purpose not in registry.purposes
    ]
    if notice.material_for and notice.version > 1 and not notice.change:
        missing.append("change")
    return tuple(dict.fromkeys(missing))


def _untold(told: RecipientTold, party: Party | None) -> list[str]:
    """Return what must be said of a recipient and is not."""
    if party is None:
        return ["party (not registered)", *told.missing()]
    abroad = ["rights_channel"] if party.abroad and not told.rights_channel else []
    if told.succeeds and not (told.purposes or told.methods or told.categories):
        return [name for name in ("name", "contact") if not getattr(told, name)]
    if party.entrusted and not party.abroad:
        return []
    return [*told.missing(), *abroad]


def _chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def _unregistered(
    path: str,
    purposes: tuple[str, ...] | list[str],
    categories: tuple[str, ...] | list[str],
    methods: tuple[str, ...] | list[str],
    registry: Registry,
) -> list[str]:
    return [
        f"{path}{kind}[{position}] (not registered)"
        for kind, names, known in (
            ("purposes", purposes, registry.purposes),
            ("categories", categories, registry.categories),
            ("methods", methods, registry.methods),
        )
        for position, name in enumerate(names)
        if name not in known
    ]


def publish(notice: Notice, registry: Registry, at: datetime, recorded_at: datetime | None = None) -> Notice:
    """Return the notice as published.

    Args:
        notice: a draft; its `effective_at`, if any, must not lie before `at`.
        registry: what exists, for the contents that are asked for.
        at: when people can first see it.
        recorded_at: when our server took the publication in; None is `at`.

    Raises:
        NoticeError: NOTICE_STATE when it is no draft, NOTICE_INCOMPLETE with the missing contents.
        FieldError: `effective_at` lies before `at`.
    """
    if notice.state is not NoticeState.DRAFT:
        raise NoticeError("NOTICE_STATE", "state", "only a draft can be published; make a new version")
    missing = missing_contents(notice, registry)
    if missing:
        raise NoticeError("NOTICE_INCOMPLETE", missing[0], f"the notice must also show {', '.join(missing)}", missing)
    if notice.effective_at is not None and notice.effective_at < at:
        raise FieldError("effective_at", "must not lie before the publication")
    return replace(
        notice,
        state=NoticeState.PUBLISHED,
        published_at=at,
        effective_at=notice.effective_at or at,
        recorded_at=recorded_at or at,
    )


def supersede(notice: Notice) -> Notice:
    """Return the version as superseded by a later one; consents under it stand until that one is material."""
    if notice.state is not NoticeState.PUBLISHED:
        raise NoticeError("NOTICE_STATE", "state", "only a published notice can be superseded")
    return replace(notice, state=NoticeState.SUPERSEDED)
