"""The registry: a frozen snapshot of everything that concerns nobody in particular."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from consent.assessment import Assessment
from consent.basis import BasisRule
from consent.notice import Notice, NoticeState
from consent.party import ExportMechanism, Party, PartyEvent
from consent.policy import Policy
from consent.purpose import METHODS, Category, Method, Purpose


@dataclass(frozen=True, slots=True)
class Registry:
    """What a decision needs besides the person's own history.

    Purposes, categories, methods and published notice versions never change under one
    id; a change is a new id or version. Build one with `Registry.of`.

    Attributes:
        purposes: by id.
        categories: by id.
        methods: by id.
        parties: by id.
        notices: by `id@version`, drafts left out.
        versions: published notices by id, oldest version first.
        assessments: impact assessments.
        party_events: suspensions, successions, scope changes, approvals.
        mechanisms: ways out of the country.
        basis_rules: how far bases other than consent reach.
        policy: the numbers of the house.
    """

    purposes: Mapping[str, Purpose]
    categories: Mapping[str, Category]
    methods: Mapping[str, Method]
    parties: Mapping[str, Party]
    notices: Mapping[str, Notice]
    versions: Mapping[str, tuple[Notice, ...]]
    assessments: tuple[Assessment, ...] = ()
    party_events: tuple[PartyEvent, ...] = ()
    mechanisms: tuple[ExportMechanism, ...] = ()
    basis_rules: tuple[BasisRule, ...] = ()
    policy: Policy = field(default_factory=Policy)

    @classmethod
    def of(
        cls,
        *,
        purposes: Iterable[Purpose] = (),
        categories: Iterable[Category] = (),
        methods: Iterable[Method] = tuple(METHODS.values()),
        parties: Iterable[Party] = (),
        notices: Iterable[Notice] = (),
        assessments: Iterable[Assessment] = (),
        party_events: Iterable[PartyEvent] = (),
        mechanisms: Iterable[ExportMechanism] = (),
        basis_rules: Iterable[BasisRule] = (),
        policy: Policy | None = None,
    ) -> Registry:
        """Build a registry from rows in any order; a draft notice is no notice yet."""
        published = sorted(
            (notice for notice in notices if notice.state is not NoticeState.DRAFT),
            key=lambda notice: (notice.id, notice.version),
        )
        versions: dict[str, tuple[Notice, ...]] = {}
        for notice in published:
            versions[notice.id] = (*versions.get(notice.id, ()), notice)
        return cls(
            purposes=MappingProxyType({purpose.id: purpose for purpose in purposes}),
            categories=MappingProxyType({category.id: category for category in categories}),
            methods=MappingProxyType({method.id: method for method in methods}),
            parties=MappingProxyType({party.id: party for party in parties}),
            notices=MappingProxyType({notice.reference: notice for notice in published}),
            versions=MappingProxyType(versions),
            assessments=tuple(assessments),
            party_events=tuple(sorted(party_events, key=lambda event: (event.at, event.recorded_at, event.party))),
            mechanisms=tuple(mechanisms),
            basis_rules=tuple(basis_rules),
            policy=Policy() if policy is None else policy,
        )

    def sensitive(self, category: str) -> bool:
        """Return whether a category, or what an aggregate is made of, is sensitive (PIPL 28)."""
        found = self.categories.get(category)
        if found is None:
            return False
        base = self.categories.get(found.base) if found.base is not None else None
        return found.sensitive or (base is not None and base.sensitive)

    def happened_to(self, party: str, as_known_at: datetime) -> list[PartyEvent]:
        """Return what was known by a time to have happened to a party, oldest first."""
        return [event for event in self.party_events if event.party == party and event.recorded_at <= as_known_at]
