"""The registry: a frozen snapshot of everything that concerns nobody in particular."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Protocol, TypeVar

from consent.assessment import Assessment
from consent.basis import BasisRule
from consent.mechanism import ExportMechanism
from consent.notice import Notice, NoticeState
from consent.party import Party, PartyEvent
from consent.policy import Policy
from consent.purpose import METHODS, Category, Method, Purpose, inheriting


class _Versioned(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def recorded_at(self) -> datetime | None: ...


_Row = TypeVar("_Row", bound=_Versioned)


@dataclass(frozen=True, slots=True)
class Registry:
    """What a decision needs besides the person's own history.

    Purposes, categories, methods and published notice versions never change under one
    id; a change is a new id or version, and what was not yet recorded does not count: see
    `registered`. Of parties, mechanisms, assessments and basis rules all
    versions are here, and a decision weighs the newest that was known: what it said at a
    time it says for ever. Build a registry with `Registry.of`.

    Attributes:
        purposes: by id.
        categories: by id.
        methods: by id.
        parties: by id, their newest versions.
        party_versions: by id, oldest version first.
        notices: by `id@version`, drafts left out.
        versions: published notices by id, oldest version first.
        assessments: impact assessments, all versions, oldest first; see `assessed`.
        party_events: suspensions, successions, scope changes, approvals.
        mechanisms: ways out of the country, all versions, oldest first; see `ways_out`.
        basis_rules: how far bases other than consent reach, all versions, oldest first; see `rules`.
        policy: the numbers of the house.
    """

    purposes: Mapping[str, Purpose]
    categories: Mapping[str, Category]
    methods: Mapping[str, Method]
    parties: Mapping[str, Party]
    notices: Mapping[str, Notice]
    versions: Mapping[str, tuple[Notice, ...]]
    party_versions: Mapping[str, tuple[Party, ...]]
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
        by_party: dict[str, tuple[Party, ...]] = {}
        for party in _in_order(parties):
            by_party[party.id] = (*by_party.get(party.id, ()), party)
        declared = {category.id: category for category in categories}
        return cls(
            purposes=MappingProxyType({purpose.id: purpose for purpose in purposes}),
            categories=MappingProxyType({name: inheriting(one, declared) for name, one in declared.items()}),
            methods=MappingProxyType({method.id: method for method in methods}),
            parties=MappingProxyType({name: newest[-1] for name, newest in by_party.items()}),
            party_versions=MappingProxyType(by_party),
            notices=MappingProxyType({notice.reference: notice for notice in published}),
            versions=MappingProxyType(versions),
            assessments=_in_order(assessments),
            party_events=tuple(sorted(party_events, key=lambda event: (event.at, event.recorded_at, event.party))),
            mechanisms=_in_order(mechanisms),
            basis_rules=_in_order(basis_rules),
            policy=Policy() if policy is None else policy,
        )

    def registered(self, purpose: str, category: str, method: str, as_known_at: datetime) -> bool:
        """Return whether purpose, category and method were registered by a time; of an aggregate, its base too."""
        names = (category, self.categories[category].base) if category in self.categories else (category,)
        items = (self.purposes.get(purpose), *(self.categories.get(name) for name in names if name is not None))
        known = all(item is not None and _recorded(item.recorded_at, as_known_at) for item in items)
        return known and method in self.methods

    def judged(self, category: str) -> Category:
        """Return a registered category; of an aggregate, the category it is made of."""
        found = self.categories[category]
        return found if found.base is None else self.categories[found.base]

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

    def party(self, party: str, as_known_at: datetime) -> Party | None:
        """Return what was known of a party by a time, with the contracts that were, or None."""
        known = _known(self.party_versions.get(party, ()), as_known_at)
        if not known:
            return None
        contracts = tuple(one for one in known[0].contracts if _recorded(one.recorded_at, as_known_at))
        return known[0] if contracts == known[0].contracts else replace(known[0], contracts=contracts)

    def ways_out(self, party: str, at: datetime, as_known_at: datetime) -> list[ExportMechanism]:
        """Return the mechanisms for a recipient abroad that hold at a time, as far as known."""
        known = _known(self.mechanisms, as_known_at)
        return [mechanism for mechanism in known if mechanism.party == party and mechanism.in_force(at)]

    def assessed(self, at: datetime, as_known_at: datetime) -> list[Assessment]:
        """Return the impact assessments that hold at a time, as far as known, and none before we had it."""
        known = _known(self.assessments, min(at, as_known_at))
        return [assessment for assessment in known if assessment.in_force(at)]

    def rules(self, at: datetime, as_known_at: datetime) -> list[BasisRule]:
        """Return the rows of the basis rule table that hold at a time, as far as known."""
        return [rule for rule in _known(self.basis_rules, as_known_at) if rule.in_force(at)]


def _in_order(rows: Iterable[_Row]) -> tuple[_Row, ...]:
    return tuple(sorted(rows, key=lambda row: row.version))


def _known(versions: Sequence[_Row], as_known_at: datetime) -> list[_Row]:
    """Return the newest known version of each; rows without an id stand alone."""
    newest: dict[str | int, _Row] = {}
    for place, row in enumerate(versions):
        if _recorded(row.recorded_at, as_known_at):
            newest[row.id or place] = row
    return list(newest.values())


def _recorded(recorded_at: datetime | None, as_known_at: datetime) -> bool:
    return recorded_at is None or recorded_at <= as_known_at
