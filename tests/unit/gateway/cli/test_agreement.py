"""`assent agreement bind` and `budget`, without a gateway."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import pytest

from gateway.cli.gateway_options import GatewayOptions
from gateway.client import Agreement, Binding, Budget, BudgetCharge, Direction
from gateway.errors import RequestError
from gateway.main import main

AT = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
BUDGET = Budget(
    spent_epsilon=Decimal("3.5"),
    epsilon_cap=Decimal(20),
    spent_delta=Decimal("9.1E-13"),
    delta_cap=Decimal("0.001"),
    cells=12,
    cells_per_period=1000,
    period_days=30,
    charges=(
        BudgetCharge("job-2", "values", Decimal("2.5"), Decimal("9.1E-13"), 12, AT),
        BudgetCharge("job-1", "count", Decimal(1), Decimal(0), 0, AT),
    ),
)


AGREEMENT = Agreement(
    agreement_id="A-1",
    hash=bytes(32),
    state="IN_FORCE",
    document=b"{}",
    signatures=(),
    parties=("retailer", "platform"),
    purposes=("profile_enrichment",),
    directions=(
        Direction("MATCH", "retailer", "platform", (), ("retailer",)),
        Direction("ENRICH", "retailer", "platform", ("tier",), ("retailer", "platform")),
    ),
    columns=(),
    valid_from=AT,
    valid_until=AT,
    sandbox=True,
    aggregate=None,
    padding="POWER_OF_TWO",
)


class Gateway:
    """Stands where the client stands and remembers what it was asked."""

    def __init__(self) -> None:
        self.bound: list[tuple[str, Binding]] = []
        self.agreements = SimpleNamespace(
            bind=lambda *given: self.bound.append(given), budget=self._budget, list=lambda: [AGREEMENT]
        )

    def _budget(self, agreement_id: str) -> Budget:
        if agreement_id != "A-1":
            raise RequestError("BAD_FIELD", "field name: the agreement allows no statistics")
        return BUDGET

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    found = Gateway()
    monkeypatch.setattr(GatewayOptions, "client", lambda self: found)
    return found


@pytest.fixture
def assent(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["assent", *words])
        return main()

    return run


BIND = ["agreement", "bind", "A-1", "--dataset", "crm", "--subject-column", "id", "--match-key", "phone.e164=phone"]


def test_a_binding_names_segments_and_our_own_minimum(gateway: Gateway, assent: Callable[..., int]) -> None:
    assert assent(*BIND, "--segment-column", "arm", "--minimum-cohort", "100") == 0
    assert assent(*BIND, "--column", "spend=amount") == 0
    (_, grouped), (_, plain) = gateway.bound
    assert (grouped.segment_column, grouped.minimum_cohort, dict(grouped.value_columns)) == ("arm", 100, {})
    assert (plain.segment_column, plain.minimum_cohort, dict(plain.value_columns)) == ("", 0, {"spend": "amount"})


def test_a_minimum_is_no_negative_number(assent: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert assent(*BIND, "--minimum-cohort", "-1") == 2
    assert "--minimum-cohort" in capsys.readouterr().err


def test_the_list_says_who_learns_and_whether_lengths_are_hidden(
    assent: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert assent("agreement", "list", "--output", "json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["padding"] == "POWER_OF_TWO"
    assert found["operations"] == [
        "MATCH retailer<-platform",
        "ENRICH retailer<-platform, result to retailer, platform",
    ]


def test_a_budget_is_what_was_spent_and_by_whom(assent: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert assent("agreement", "budget", "A-1") == 0
    shown = capsys.readouterr()
    lines = [line.split() for line in shown.out.splitlines()]
    assert ["epsilon", "3.5"] in lines
    assert ["epsilon_cap", "20"] in lines
    assert ["delta", "0.00000000000091"] in lines
    assert ["job-2", "values", "2.5", "0.00000000000091", "12", "2026-11-21T08:30:00+00:00"] in lines
    assert "older than 30 days" in shown.err


def test_a_budget_as_json_and_csv(assent: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert assent("agreement", "budget", "A-1", "--output", "json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (found["epsilon"], found["exact_cells"]) == ("3.5", 12)
    assert [charge["step"] for charge in found["charges"]] == ["values", "count"]
    assert assent("agreement", "budget", "A-1", "--output", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["epsilon"] for row in rows] == ["2.5", "1"]


def test_an_agreement_without_statistics_has_no_budget(
    assent: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert assent("agreement", "budget", "A-2") == 2
    assert "allows no statistics" in capsys.readouterr().err
