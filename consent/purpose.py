"""What may be done with what: purposes, categories and methods, each a closed registry.

A decision about a purpose, category or method that is not registered is a denial
(PIPL 6: a definite purpose).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from consent import fields
from consent.errors import FieldError


@dataclass(frozen=True, slots=True)
class Purpose:
    """A definite purpose (目的) that people are told of.

    Attributes:
        id: name in records, such as `profile_enrichment`.
        text: the purpose in the words of the notice, Chinese.
        automated: it profiles or decides automatically (PIPL 24, 55(2)).
        personalised_marketing: it pushes content chosen for the person; an opt-out ends it (PIPL 24(2)).
        owner: who in the house answers for it.
        recorded_at: when our server took it in, which is no part of what it says; None is "always known".
    """

    id: str
    text: str = ""
    automated: bool = False
    personalised_marketing: bool = False
    owner: str = ""
    recorded_at: datetime | None = None

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> Purpose:
        """Read a stored or submitted purpose; FieldError names what is wrong."""
        fields.no_others(mapping, ("id", "text", "automated", "personalised_marketing", "owner"))
        return cls(
            id=fields.text(mapping, "id"),
            text=fields.optional_text(mapping, "text", longest=4000) or "",
            automated=fields.flag(mapping, "automated", default=False),
            personalised_marketing=fields.flag(mapping, "personalised_marketing", default=False),
            owner=fields.optional_text(mapping, "owner") or "",
        )

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON object that `from_mapping` reads; empty texts are left out."""
        mapping: dict[str, object] = {
            "id": self.id,
            "text": self.text,
            "automated": self.automated,
            "personalised_marketing": self.personalised_marketing,
            "owner": self.owner,
        }
        return {name: entry for name, entry in mapping.items() if entry != ""}


@dataclass(frozen=True, slots=True)
class Category:
    """A category (种类) of personal information.

    Attributes:
        id: name in records, such as `phone_hash`. A keyed hash is still personal information (PIPL 73(3)).
        text: the category in the words of the notice.
        sensitive: sensitive personal information (PIPL 28).
        written: another law asks for written consent (PIPL 29).
        anonymous_if_group: it is an aggregate, no personal information once the group is large and not linkable.
        base: what an aggregate is made of; judged in its place when the group is small. None for others.
        derived_from: what a label is concluded from, such as an illness from purchases; it is at least as
            sensitive as each of them, see `inheriting`. What the label itself says may be sensitive besides.
        recorded_at: when our server took it in, which is no part of what it says; None is "always known".
    """

    id: str
    text: str = ""
    sensitive: bool = False
    written: bool = False
    anonymous_if_group: bool = False
    base: str | None = None
    derived_from: tuple[str, ...] = ()
    recorded_at: datetime | None = None

    def __post_init__(self) -> None:
        """An aggregate and its base go together; a label is not concluded from itself."""
        if self.anonymous_if_group != (self.base is not None):
            raise FieldError("base", "an aggregate, and only an aggregate, names the category it is made of")
        if self.id in self.derived_from:
            raise FieldError("derived_from", "names the category itself")

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> Category:
        """Read a stored or submitted category; FieldError names what is wrong."""
        fields.no_others(mapping, ("id", "text", "sensitive", "written", "anonymous_if_group", "base", "derived_from"))
        return cls(
            id=fields.text(mapping, "id"),
            text=fields.optional_text(mapping, "text", longest=4000) or "",
            sensitive=fields.flag(mapping, "sensitive", default=False),
            written=fields.flag(mapping, "written", default=False),
            anonymous_if_group=fields.flag(mapping, "anonymous_if_group", default=False),
            base=fields.optional_text(mapping, "base"),
            derived_from=fields.texts(mapping, "derived_from"),
        )

    def to_mapping(self) -> dict[str, object]:
        """Return the JSON object that `from_mapping` reads; empty texts are left out."""
        mapping: dict[str, object] = {
            "id": self.id,
            "text": self.text,
            "sensitive": self.sensitive,
            "written": self.written,
            "anonymous_if_group": self.anonymous_if_group,
            "base": self.base,
            "derived_from": list(self.derived_from),
        }
        return {name: entry for name, entry in mapping.items() if entry not in ("", None, [])}


def inheriting(category: Category, known: Mapping[str, Category]) -> Category:
    """Return the category with the flags that it inherits from all that it is derived from, at any distance.

    Args:
        category: as declared.
        known: by id; what is not in it says nothing.
    """
    sources, waiting = set[str](), list(category.derived_from)
    while waiting:
        source = waiting.pop()
        if source not in sources and source in known:
            sources.add(source)
            waiting += known[source].derived_from
    return replace(
        category,
        sensitive=category.sensitive or any(known[source].sensitive for source in sources),
        written=category.written or any(known[source].written for source in sources),
    )


@dataclass(frozen=True, slots=True)
class Method:
    """A method (方式) of processing.

    Attributes:
        id: name in records.
        publishes: makes public (PIPL 25).
        stores_only: keeps and does nothing else, which a statutory duty to keep still allows (PIPL 47(2)).
    """

    id: str
    publishes: bool = False
    stores_only: bool = False


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.id: method
        for method in (
            Method("psi_hash"),
            Method("he_aggregate"),
            Method("plaintext_api"),
            Method("internal_join"),
            Method("push_message"),
            Method("publish", publishes=True),
            Method("store_only", stores_only=True),
            Method("batch_file"),
        )
    }
)
"""The methods that exist; a new one is a change of this program, not of a setting."""
