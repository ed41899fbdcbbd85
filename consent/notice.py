"""Notices (告知): what people were told, version by version.

A notice goes draft → published → superseded and its text never changes once it is
published. What it must say depends on what it announces; that is checked before it
is published and again at every decision.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from consent import fields
from consent.errors import FieldError

MAX_NOTICE_TEXT = 200_000  # characters


class NoticeState(StrEnum):
    """Where a version stands."""

    DRAFT = "draft"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class RecipientTold:
    """What the notice says of one recipient (PIPL 23; PIPL 39 for one abroad).

    Attributes:
        party: party id; a legal entity, never a class of partners.
        name: as shown.
        contact: as shown.
        purposes: as shown.
        methods: as shown.
        categories: as shown, as a list.
        rights_channel: how to exercise rights against it; asked of a recipient abroad.
        succeeds: party id of whose business passes to it; people are told name and contact (PIPL 22).
    """

    party: str
    name: str = ""
    contact: str = ""
    purposes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    rights_channel: str = ""
    succeeds: str = ""

    def missing(self) -> tuple[str, ...]:
        """Return what PIPL 23 asks for and the notice leaves out."""
        return tuple(
            name for name in ("name", "contact", "purposes", "methods", "categories") if not getattr(self, name)
        )

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], path: str = "") -> RecipientTold:
        """Read one recipient; FieldError names what is wrong."""
        allowed = ("party", "name", "contact", "purposes", "methods", "categories", "rights_channel", "succeeds")
        fields.no_others(mapping, allowed, path)
        return cls(
            party=fields.text(mapping, "party", path),
            name=fields.optional_text(mapping, "name", path) or "",
            contact=fields.optional_text(mapping, "contact", path) or "",
            purposes=fields.texts(mapping, "purposes", path),
            methods=fields.texts(mapping, "methods", path),
            categories=fields.texts(mapping, "categories", path),
            rights_channel=fields.optional_text(mapping, "rights_channel", path) or "",
            succeeds=fields.optional_text(mapping, "succeeds", path) or "",
        )

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON object that `from_mapping` reads; what is empty is left out."""
        mapping: dict[str, object] = {
            "party": self.party,
            "name": self.name,
            "contact": self.contact,
            "purposes": list(self.purposes),
            "methods": list(self.methods),
            "categories": list(self.categories),
            "rights_channel": self.rights_channel,
            "succeeds": self.succeeds,
        }
        return {name: entry for name, entry in mapping.items() if entry not in ("", [])}


_TEXTS = (
    "title", "handler_name", "handler_contact", "retention", "after_retention", "rights_channel",
    "withdrawal_channel", "closure_channel", "necessity", "impact", "automated_effect", "publication",
    "publication_place", "publication_period", "children_rules", "guardian_text", "change",
)  # fmt: skip
_LISTS = ("purposes", "categories", "methods", "automated_categories", "material_for")
_STATE = ("state", "published_at", "effective_at", "recorded_at")

EVERY_NOTICE = (
    "text", "handler_name", "handler_contact", "purposes", "categories", "methods", "retention", "after_retention",
    "rights_channel", "withdrawal_channel", "closure_channel",
)  # fmt: skip
"""PIPL 17 with the additions of NDSR 21."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One version of a notice.

    Attributes:
        id: name in records, without `@`.
        version: 1, 2, ...
        language: of the text.
        title: of the text.
        text: the exact text shown.
        handler_name: PIPL 17(1).
        handler_contact: PIPL 17(1).
        purposes: PIPL 17(2), ids.
        categories: PIPL 17(2), ids.
        methods: PIPL 17(2), ids.
        retention: how long, or how that is fixed.
        after_retention: delete or anonymise (NDSR 21).
        rights_channel: how to exercise rights, PIPL 17(3).
        withdrawal_channel: how to withdraw, PIPL 15.
        closure_channel: how to close the account, NDSR 21.
        recipients: who receives what, PIPL 23.
        necessity: why sensitive categories are needed, PIPL 30.
        impact: what their use means for the person, PIPL 30.
        automated_effect: what automated decisions do and may mean for the person, PIPL 24.
        automated_categories: what they use, ids.
        publication: what is made public, PIPL 25.
        publication_place: where.
        publication_period: how long.
        children: it is shown to people under fourteen and their guardians, PIPL 31.
        children_rules: the rules made for them.
        guardian_text: the exact text shown to the guardian; `text` is what the child sees.
        change: what a later version changes, PIPL 14(2).
        material_for: purposes for which this version needs a fresh consent.
        state: draft, published or superseded.
        published_at: when people could first see it; None of a draft.
        effective_at: when it binds; None is `published_at`.
        recorded_at: when our server took the publication in; None is "always known".
    """

    id: str
    version: int
    language: str = "zh-CN"
    title: str = ""
    text: str = ""
    handler_name: str = ""
    handler_contact: str = ""
    purposes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    retention: str = ""
    after_retention: str = ""
    rights_channel: str = ""
    withdrawal_channel: str = ""
    closure_channel: str = ""
    recipients: tuple[RecipientTold, ...] = ()
    necessity: str = ""
    impact: str = ""
    automated_effect: str = ""
    automated_categories: tuple[str, ...] = ()
    publication: str = ""
    publication_place: str = ""
    publication_period: str = ""
    children: bool = False
    children_rules: str = ""
    guardian_text: str = ""
    change: str = ""
    material_for: tuple[str, ...] = ()
    state: NoticeState = NoticeState.DRAFT
    published_at: datetime | None = None
    effective_at: datetime | None = None
    recorded_at: datetime | None = None
    # Articles whose contents are there, by recipient: every decision asks.
    _shown: Mapping[str | None, frozenset[int]] = field(init=False, repr=False, compare=False)
    # Of a text as long as a book: taken once, when first asked for.
    _hash: str | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """A reference is cut at its last `@`; a version counts from 1."""
        if not self.id or "@" in self.id:
            raise FieldError("id", "must be a name without @")
        if self.version < 1:
            raise FieldError("version", "must be an integer of at least 1")
        object.__setattr__(self, "_shown", _shown(self))

    @property
    def reference(self) -> str:
        """How consents name this version: `id@version`."""
        return f"{self.id}@{self.version}"

    def contents_present(self, recipient: str | None = None) -> frozenset[int]:
        """Return the articles of PIPL whose contents the notice shows.

        Args:
            recipient: the party that the question is about; 23 and 39 are about it alone.
        """
        return self._shown.get(recipient, self._shown[None])

    def untold(self, purpose: str, categories: Collection[str], method: str, recipient: str | None) -> frozenset[int]:
        """Return the articles by which the notice leaves one use untold, 17 or 23.

        Args:
            purpose: of the use.
            categories: names of its category; one is enough.
            method: of the use.
            recipient: the party that must have been shown; None of own use. What is said of it is told, too.
        """

        def told(part: Notice | RecipientTold) -> bool:
            spoken_of = not set(part.categories).isdisjoint(categories)
            return spoken_of and purpose in part.purposes and method in part.methods

        of_recipient = any(told(part) for part in self.recipients if part.party == recipient)
        missing = {23} if recipient is not None and not of_recipient else set[int]()
        return frozenset(missing if of_recipient or told(self) else missing | {17})

    @classmethod
    def draft(cls, mapping: Mapping[str, object]) -> Notice:
        """Read a submitted notice, always as a draft; FieldError names what is wrong."""
        for name in _STATE:
            if name != "effective_at" and name in mapping:
                raise FieldError(name, "is set by publishing; leave it out")
        return cls.from_mapping(mapping)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> Notice:
        """Read a stored notice; FieldError names what is wrong."""
        fields.no_others(
            mapping, ("id", "version", "language", "text", "recipients", "children", *_TEXTS, *_LISTS, *_STATE)
        )
        version = fields.optional_count(mapping, "version", least=1)
        state = fields.word(mapping, "state", NoticeState) if "state" in mapping else NoticeState.DRAFT
        published_at = fields.optional_moment(mapping, "published_at")
        if (state is NoticeState.DRAFT) != (published_at is None):
            raise FieldError("published_at", "goes with a published notice, and with no draft")
        return cls(
            id=fields.text(mapping, "id"),
            version=1 if version is None else version,
            language=fields.optional_text(mapping, "language") or "zh-CN",
            text=fields.optional_text(mapping, "text", longest=MAX_NOTICE_TEXT) or "",
            recipients=tuple(
                RecipientTold.from_mapping(entry, f"recipients[{position}].")
                for position, entry in enumerate(fields.mappings(mapping, "recipients"))
            ),
            title=_words(mapping, "title"),
            handler_name=_words(mapping, "handler_name"),
            handler_contact=_words(mapping, "handler_contact"),
            retention=_words(mapping, "retention"),
            after_retention=_words(mapping, "after_retention"),
            rights_channel=_words(mapping, "rights_channel"),
            withdrawal_channel=_words(mapping, "withdrawal_channel"),
            closure_channel=_words(mapping, "closure_channel"),
            necessity=_words(mapping, "necessity"),
            impact=_words(mapping, "impact"),
            automated_effect=_words(mapping, "automated_effect"),
            automated_categories=fields.texts(mapping, "automated_categories"),
            publication=_words(mapping, "publication"),
            publication_place=_words(mapping, "publication_place"),
            publication_period=_words(mapping, "publication_period"),
            children=fields.flag(mapping, "children", default=False),
            children_rules=_words(mapping, "children_rules"),
            guardian_text=fields.optional_text(mapping, "guardian_text", longest=MAX_NOTICE_TEXT) or "",
            change=_words(mapping, "change"),
            purposes=fields.texts(mapping, "purposes"),
            categories=fields.texts(mapping, "categories"),
            methods=fields.texts(mapping, "methods"),
            material_for=fields.texts(mapping, "material_for"),
            state=state,
            published_at=published_at,
            effective_at=fields.optional_moment(mapping, "effective_at"),
            recorded_at=fields.optional_moment(mapping, "recorded_at"),
        )

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON object that `from_mapping` reads; what is empty is left out."""
        mapping = self.content()
        mapping["state"] = str(self.state)
        for name in ("published_at", "effective_at", "recorded_at"):
            time: datetime | None = getattr(self, name)
            if time is not None:
                mapping[name] = fields.said(time)
        return mapping

    def content(self) -> dict[str, object]:
        """Return what the version says, without when and whether it was published."""
        mapping: dict[str, object] = {"id": self.id, "version": self.version, "language": self.language}
        for name in ("text", *_TEXTS):
            if getattr(self, name):
                mapping[name] = getattr(self, name)
        for name in _LISTS:
            if getattr(self, name):
                mapping[name] = list(getattr(self, name))
        if self.children:
            mapping["children"] = True
        if self.recipients:
            mapping["recipients"] = [told.to_mapping() for told in self.recipients]
        return mapping

    def content_hash(self) -> str:
        """Return SHA-256 (hex) of the content as canonical JSON.

        Keys are ASCII and values texts, integers and lists of them; for these, sorted keys,
        no spaces and unescaped Unicode are RFC 8785.
        """
        if self._hash is not None:
            return self._hash
        canonical = json.dumps(self.content(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        found = hashlib.sha256(canonical.encode()).hexdigest()
        object.__setattr__(self, "_hash", found)
        return found


def _shown(notice: Notice) -> Mapping[str | None, frozenset[int]]:
    general = all(getattr(notice, name) for name in EVERY_NOTICE)
    about_all = frozenset({17} if general else ()) | frozenset({30} if notice.necessity and notice.impact else ())
    shown: dict[str | None, frozenset[int]] = {None: about_all}
    for told in notice.recipients:
        if not told.missing():
            # A recipient may be listed twice, for two purposes.
            shown[told.party] = shown.get(told.party, about_all) | ({23, 39} if told.rights_channel else {23})
    return MappingProxyType(shown)


def _words(mapping: Mapping[str, object], name: str) -> str:
    return fields.optional_text(mapping, name, longest=8000) or ""
