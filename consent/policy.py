"""Where the law gives a word and no number: the numbers of the house."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo

CHINA_STANDARD_TIME = timezone(timedelta(hours=8), "Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Policy:
    """Policy values; counsel may change them, a decision says nothing of them.

    Attributes:
        clock_tolerance: how far a grant's own time may lie after its recording.
        smallest_group: people in an aggregate from which on it is anonymous.
        reprompt_cooldown: after a refusal, how long not to ask again (NDSR 22(5): not "frequently").
        small_volume_limit: people a year; exports below it are exempt (2024 provisions).
        export_limit: people a year; from it on only a security assessment lets out.
        sensitive_export_limit: people a year of whom something sensitive goes; as `export_limit`.
        export_warning: share of a line, in percent, from which on the house is warned.
        adult_age: years; PIPL 31 speaks of those who have not completed fourteen.
        time_zone: whose calendar a birthday belongs to.
        decision_lifetime: how long an answer may be used without asking again; seconds.
    """

    clock_tolerance: timedelta = timedelta(minutes=5)
    smallest_group: int = 20
    reprompt_cooldown: timedelta = timedelta(days=30)
    small_volume_limit: int = 100_000
    export_limit: int = 1_000_000
    sensitive_export_limit: int = 10_000
    export_warning: int = 80
    adult_age: int = 14
    time_zone: tzinfo = CHINA_STANDARD_TIME
    decision_lifetime: timedelta = timedelta(seconds=5)
