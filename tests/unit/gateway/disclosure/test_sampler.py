"""OpenDP draws where its extra is installed, else our own sampler."""

from __future__ import annotations

import importlib.util
import types
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from gateway.disclosure import laplace, opendp_laplace
from gateway.disclosure.sampler import sampler
from gateway.errors import Misuse


def test_the_choice_follows_what_is_installed() -> None:
    expected = "assent" if importlib.util.find_spec("opendp") is None else "opendp"
    assert sampler().name == expected


@pytest.mark.parametrize(("found", "name", "draws"), [(None, "assent", laplace), (object(), "opendp", opendp_laplace)])
def test_either_choice_is_whole(monkeypatch: pytest.MonkeyPatch, found: Any, name: str, draws: Any) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda wanted: found if wanted == "opendp" else 1 / 0)
    chosen = sampler()
    assert (chosen.name, chosen.draw, chosen.draw_dummies) == (name, draws.draw, draws.draw_dummies)


class Prelude(types.SimpleNamespace):
    """What the adapter asks of `opendp.prelude`, with scripted noise."""

    def __init__(self, noises: list[int]) -> None:
        super().__init__(scales=[], features=[])
        self.m = types.SimpleNamespace(make_laplace=self.make_laplace)
        self.noises = noises

    def enable_features(self, name: str) -> None:
        self.features.append(name)

    def atom_domain(self, T: str) -> str:
        return T

    def absolute_distance(self, T: str) -> str:
        return T

    def make_laplace(self, domain: str, metric: str, scale: float) -> Any:
        assert domain == metric == "i64"
        self.scales.append(scale)
        return lambda exact: exact + self.noises.pop(0)


def prelude(monkeypatch: pytest.MonkeyPatch, noises: list[int]) -> Prelude:
    made = Prelude(noises)
    opendp_laplace._measurement.cache_clear()
    monkeypatch.setattr(importlib, "import_module", lambda name: made)
    return made


@pytest.fixture(autouse=True)
def forget() -> Any:
    yield
    opendp_laplace._measurement.cache_clear()


@pytest.mark.parametrize(("epsilon", "sensitivity"), [("0.7", 1), ("3", 1), ("0.000001", 10**9 + 7)])
def test_opendp_gets_a_scale_that_is_never_too_small(
    monkeypatch: pytest.MonkeyPatch, epsilon: str, sensitivity: int
) -> None:
    given = prelude(monkeypatch, [5])
    assert opendp_laplace.draw(Decimal(epsilon), sensitivity, 1) == 5
    exact = Fraction(sensitivity) / Fraction(epsilon)
    assert exact <= Fraction(given.scales[0]) <= exact * (1 + Fraction(1, 2**51))


def test_opendp_draws_beyond_the_bound_are_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    most = laplace.bound(Decimal(1), 1, 4)
    prelude(monkeypatch, [most + 1, -most - 1, -most])
    assert opendp_laplace.draw(Decimal(1), 1, 4) == -most
    prelude(monkeypatch, [4, -4, -3])
    assert opendp_laplace.draw_dummies(Decimal(1), 3) == 0


def test_noise_too_wide_for_opendp_is_drawn_by_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    given = prelude(monkeypatch, [])
    monkeypatch.setattr(laplace, "draw", lambda epsilon, sensitivity, cells: int(epsilon * 10) + sensitivity + cells)
    assert opendp_laplace.draw(Decimal("0.5"), 2**62, 9) == 5 + 2**62 + 9
    assert given.scales == []


def test_opendp_failures_are_ours_to_name(monkeypatch: pytest.MonkeyPatch) -> None:
    prelude(monkeypatch, [])  # its noise runs out: IndexError
    with pytest.raises(Misuse, match="OpenDP drew no noise"):
        opendp_laplace.draw(Decimal(1), 1, 1)
    opendp_laplace._measurement.cache_clear()
    monkeypatch.setattr(importlib, "import_module", lambda name: 1 / 0)
    with pytest.raises(Misuse, match="no Laplace measurement"):
        opendp_laplace.draw(Decimal(1), 1, 1)
    with pytest.raises(Misuse):
        opendp_laplace.draw_dummies(Decimal(1), 0)
