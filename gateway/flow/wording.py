"""Wordings: what the acts of many people have in common, read and checked once.

Most rows of an import differ in who acted, when, until when it holds, two ids, and where the proof lies. The rest is
one of a few wordings. A row in a wording that was read before is taken in by those fields alone; whatever is unusual
about them sends it the strict way, `ConsentEvent.from_mapping`, which also says what is wrong. A test holds both ways
equal.

Wordings belong to a registry: what they refer to was looked up there.
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from consent.evaluate import History, ProjectionRow, project
from consent.event import ConsentEvent
from consent.projection import Timeline
from consent.proof import OF_ONE_ACT
from consent.registry import Registry
from gateway.route.canonical import Frame, canonical_bytes
from gateway.route.consent import EventFields

MAX_KEPT = 4096  # wordings, and projections of one

Place = tuple[object, ...]
Key = tuple[bytes, int, int, tuple[tuple[str, int], ...]]

OWN = ("event_id", "at", "subject", "consent_id", "valid_until", *OF_ONE_ACT)
_OF_PROOF = frozenset(OF_ONE_ACT)
_ABSENT = object()
_WRITTEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6}(?<!\.000000))?\+00:00", re.ASCII)  # by `isoformat`


class Wording:
    """What acts have in common that differ in who acted, when, until when, and the ids.

    Attributes:
        act: the first one that was read.
        published_at: when its notice was; None when it names none.
        projections: of people whose only act is in these words, by its place on the timeline.
    """

    __slots__ = ("_after", "_before", "_own_after", "_own_before", "act", "projections", "published_at")

    def __init__(self, act: ConsentEvent, published_at: datetime | None) -> None:
        """Keep the first act; nothing is encoded before a second one comes."""
        self.act = act
        self.published_at = published_at
        self.projections: dict[Place, tuple[ProjectionRow, ...]] = {}
        self._before: Frame | None = None
        self._after: Frame | None = None
        self._own_before: list[str] = []
        self._own_after: list[str] = []

    def halves(self, own: Mapping[str, str]) -> tuple[str, str]:
        """Write an act in these words, as `halves` writes the content of its event.

        Args:
            own: the act's own fields, the same as in the first act, each as JSON.
        """
        before, after = self._frames()
        first = before.filled(*[own[name] for name in self._own_before])
        return first[:-1], after.filled(*[own[name] for name in self._own_after])[1:]

    def all_halves(self, own: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str]]:
        """Write many acts in these words, as `halves` writes each, from columns."""
        before, after = self._frames()
        first = before.all_filled([own[name] for name in self._own_before])
        second = after.all_filled([own[name] for name in self._own_after])
        return [text[:-1] for text in first], [text[1:] for text in second]

    def _frames(self) -> tuple[Frame, Frame]:
        if self._before is None or self._after is None:
            before, after = _parted(self.act.content())
            # In the order of their names, as a frame takes them.
            self._own_before = sorted(name for name in OWN if name in before)
            self._own_after = sorted(name for name in OWN if name in after)
            self._before, self._after = Frame(before, self._own_before), Frame(after, self._own_after)
        return self._before, self._after


class Wordings:
    """The wordings read under one registry, as many as are kept."""

    def __init__(self, registry: Registry) -> None:
        """Begin without any."""
        self.registry = registry
        self._timeline = Timeline.of(registry)
        self._known: dict[Key, Wording] = {}
        self._seen: dict[int, tuple[Mapping[str, object], bytes | None]] = {}

    def find(self, fields: Mapping[str, object]) -> tuple[Key | None, Wording | None]:
        """Look up the wording of a row.

        Returns:
            (what tells the wording from others, or None for a row that shares its own with no other; the wording,
            when it is known).
        """
        if type(fields) is EventFields:
            own, shared = fields.own, self._told_apart(fields.shared)
        else:
            own, rest = fields, {name: value for name, value in fields.items() if name not in OWN}
            shared = _told_apart(rest)
        if shared is None:
            return None, None
        proof = _OF_PROOF.intersection(own)
        key = (
            shared,
            _stated(own.get("consent_id", _ABSENT)),
            _stated(own.get("valid_until", _ABSENT)),
            tuple([(name, _stated(own[name])) for name in sorted(proof)]) if proof else (),
        )
        return key, self._known.get(key)

    def _told_apart(self, shared: Mapping[str, object]) -> bytes | None:
        """As the function; once for each object, which is kept so that no other takes its place in memory."""
        seen = self._seen.get(id(shared))
        if seen is None:
            if len(self._seen) >= MAX_KEPT:
                self._seen.clear()
            seen = self._seen[id(shared)] = shared, _told_apart(shared)
        return seen[1]

    def keep(self, key: Key, wording: Wording) -> None:
        """Keep a wording that was read strictly."""
        if len(self._known) >= MAX_KEPT:
            self._known.clear()
        self._known[key] = wording

    def projection(
        self, wording: Wording, at: datetime, recorded_at: datetime, valid_until: datetime | None
    ) -> tuple[ProjectionRow, ...]:
        """Return the projection of somebody whose only act is in a wording.

        Args:
            wording: of this registry.
            at: when they acted.
            recorded_at: when it was taken in.
            valid_until: the end of the consent.

        Returns:
            As `project`, but perhaps another's: person, consent id and times of the rows are not this one's.
        """
        place = self._timeline.place(at, recorded_at, valid_until)
        rows = wording.projections.get(place)
        if rows is None:
            act = replace(wording.act, at=at, recorded_at=recorded_at, valid_until=valid_until)
            rows = project(History(act.subject, (act,)), self.registry)
            if len(wording.projections) >= MAX_KEPT:
                wording.projections.clear()
            wording.projections[place] = rows
        return rows


def halves(content: Mapping[str, object]) -> tuple[str, str]:
    """Encode the content of an event around the place where the time of its recording belongs.

    Returns:
        Two texts. With "," between them they are the canonical content; with "recorded_at" between commas, the
        canonical record.
    """
    before, after = _parted(content)
    return canonical_bytes(before).decode()[:-1], canonical_bytes(after).decode()[1:]


def _parted(content: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Part the fields of an event at "recorded_at": at and event_id come before it, subject and type after it."""
    before = {name: value for name, value in content.items() if name < "recorded_at"}
    return before, {name: value for name, value in content.items() if name > "recorded_at"}


def own_time(value: object) -> tuple[datetime, str] | None:
    """Read a time as `consent.fields.moment` does.

    Returns:
        The moment in UTC and its spelling in records, quoted; None where the strict reading refuses it.
    """
    if type(value) is not str:
        return None
    try:
        time = datetime.fromisoformat(value)
        if time.tzinfo is None:
            return None
        if time.tzinfo is not UTC:
            time = time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # Writing a time costs more than seeing that it is written so already.
    written = value if _WRITTEN.fullmatch(value) else time.isoformat()
    return time, f'"{written[:-6]}Z"'


def _told_apart(shared: Mapping[str, object]) -> bytes | None:
    """Return bytes that are equal only for equal wordings; None for one that no other act has."""
    if "subjects" in shared or "recorded_at" in shared:
        return None  # who is joined, and when we heard, is said of one act only
    try:
        return marshal.dumps(dict(shared))
    except ValueError:
        return None  # a type that JSON does not know


def _stated(value: object) -> int:
    """Tell an absent field from null and from a value: a field that a type does not have may not even be null."""
    return 0 if value is _ABSENT else 1 if value is None else 2
