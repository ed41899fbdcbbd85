from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from gateway.agreement.agreement import agreement_of, document_of
from gateway.errors import RequestError
from gateway.route.agreement import AggregateTerms, LateWithdrawals, Measure, Noise, Operation, Scheme, Statistic
from tests.unit.gateway.agreement.samples import EXACT, statistics_document, terms

RECENCY, CHANNEL = terms()["measures"]
# Exact sums beside hidden counts: no statistic may count rows.
HALF: dict[str, Any] = {"noise": "NONE", "measures": EXACT["measures"][:1]}


def half_document(**changes: Any) -> dict[str, Any]:
    made = statistics_document(terms(**HALF), **changes)
    made["directions"][0]["columns"] = ["recency"]
    return made


def read(**changes: Any) -> AggregateTerms:
    found = agreement_of(statistics_document(terms(**changes))).aggregate
    assert found is not None
    return found


def refused(document: dict[str, Any]) -> str:
    with pytest.raises(RequestError) as caught:
        agreement_of(document)
    assert caught.value.reason == "BAD_FIELD"
    return caught.value.message


def test_every_field_arrives() -> None:
    agreement = agreement_of(statistics_document())
    assert agreement.aggregate == AggregateTerms(
        segments=8,
        minimum_cohort=50,
        count_step=1,
        dummies=Noise.LAPLACE,
        noise=Noise.LAPLACE,
        epsilon_count=Decimal(1),
        t=14,
        epsilon_receiver=Decimal(1),
        delta=Decimal("0.000001"),
        epsilon_cap=Decimal(20),
        delta_cap=Decimal("0.001"),
        period_days=30,
        cells_per_period=1000,
        late_withdrawals=LateWithdrawals.STAND,
        scheme=Scheme("paillier", 3072, "short_exponent"),
        measures=(
            Measure(
                "recency",
                (),
                Decimal("0.01"),
                ((Statistic.SUM, Decimal("0.5")), (Statistic.SUM_OF_SQUARES, Decimal("0.5"))),
            ),
            Measure("channel", ("web", "phone"), Decimal(1), ((Statistic.SHARE, Decimal(1)),)),
        ),
    )
    way, counts = agreement.directions
    assert (way.operation, way.result_to) == (Operation.AGGREGATE, ("retailer", "platform"))
    assert (counts.operation, counts.columns, counts.result_to) == (Operation.OVERLAP, (), ("retailer",))
    assert document_of(agreement) == statistics_document()
    assert agreement_of(document_of(agreement)) == agreement


def test_what_is_exact_is_said_and_has_no_loss() -> None:
    exact = read(**EXACT)
    assert (exact.dummies, exact.noise, exact.t) == (Noise.NONE, Noise.NONE, 0)
    assert not (exact.epsilon_count or exact.epsilon_receiver or exact.delta)
    assert all(not loss for measure in exact.measures for _, loss in measure.epsilon)
    # One may be exact without the other.
    half = agreement_of(half_document()).aggregate
    assert half is not None
    assert (half.dummies, half.noise) == (Noise.LAPLACE, Noise.NONE)
    counts = {name: EXACT[name] for name in ("dummies", "epsilon_count", "t", "epsilon_receiver", "delta")}
    assert read(**counts).noise is Noise.LAPLACE


@pytest.mark.parametrize(
    ("place", "counting"), [(0, {"sum": "0", "present": "0"}), (0, {"present": "0"}), (1, {"share": "0"})]
)
def test_hidden_counts_have_no_exact_counts_beside_them(place: int, counting: dict[str, str]) -> None:
    chosen = [*HALF["measures"], CHANNEL][: place + 1]
    chosen[place] = chosen[place] | {"epsilon": counting}
    made = half_document()
    made["aggregate"]["measures"] = chosen
    assert f"aggregate.measures[{place}] counts rows exactly where dummies hide the count" in refused(made)
    # Without dummies nothing is hidden, so both may sign it.
    made["aggregate"] |= {name: EXACT[name] for name in ("dummies", "epsilon_count", "t", "epsilon_receiver", "delta")}
    assert len(agreement_of(made).directions) == 2
    # Under noise the counts of rows are noisy too.
    noisy = [one | {"epsilon": dict.fromkeys(one["epsilon"], "0.5")} for one in chosen]
    made["aggregate"] = terms(measures=noisy)
    assert len(agreement_of(made).directions) == 2


def test_the_order_of_statistics_is_ours() -> None:
    asked = {"present": "0.1", "sum_of_squares": "0.2", "sum": "0.3"}
    measure = read(measures=[RECENCY | {"epsilon": asked}, CHANNEL]).measures[0]
    assert [one for one, _ in measure.epsilon] == [Statistic.SUM, Statistic.SUM_OF_SQUARES, Statistic.PRESENT]
    assert dict(measure.epsilon)[Statistic.PRESENT] == Decimal("0.1")


def test_a_legacy_key_is_named_as_such() -> None:
    scheme = {"name": "paillier", "mode": "exact"}
    assert read(scheme=scheme | {"key_bits": 2048, "legacy": True}).scheme == Scheme("paillier", 2048, "exact")
    assert read(scheme=scheme | {"key_bits": 3072, "legacy": False}).scheme.key_bits == 3072


BAD: list[tuple[dict[str, Any], str]] = [
    ({"segments": 0}, "aggregate.segments"),
    ({"segments": 513}, "aggregate.segments"),
    ({"segments": True}, "aggregate.segments"),
    ({"minimum_cohort": 19}, "aggregate.minimum_cohort must be an integer from 20"),
    ({"count_step": 0}, "aggregate.count_step"),
    ({"count_step": 1001}, "aggregate.count_step"),
    ({"dummies": "GAUSS"}, "aggregate.dummies must be LAPLACE or NONE"),
    ({"dummies": None}, "aggregate.dummies"),
    ({"noise": "laplace"}, "aggregate.noise"),
    ({"epsilon_count": "0"}, "aggregate.epsilon_count must be greater than 0"),
    ({"epsilon_count": "10.000001"}, "aggregate.epsilon_count"),
    ({"epsilon_count": "-1"}, "aggregate.epsilon_count"),
    ({"epsilon_count": "0.0000001"}, "aggregate.epsilon_count must be a decimal number as text with at most 6"),
    ({"epsilon_count": "1e0"}, "aggregate.epsilon_count"),
    ({"epsilon_count": 1}, "aggregate.epsilon_count"),
    ({"epsilon_count": "0.0001"}, "aggregate.epsilon_count would need a t of"),
    ({"epsilon_receiver": "0"}, "aggregate.epsilon_receiver"),
    ({"delta": "0"}, "aggregate.delta must be greater than 0"),
    ({"delta": "0.002"}, "aggregate.delta"),
    ({"delta": "1e-6"}, "aggregate.delta"),
    ({"t": 13}, "aggregate.t hides a count worse than delta says; the least t for epsilon_count and delta is 14"),
    ({"epsilon_count": "0.5"}, "the least t for epsilon_count and delta is 25"),
    ({"epsilon_count": "0.1"}, "the least t for epsilon_count and delta is 109"),
    ({"t": 0}, "aggregate.t"),
    ({"t": 10_001}, "aggregate.t"),
    ({"epsilon_cap": "0"}, "aggregate.epsilon_cap"),
    ({"epsilon_cap": "1000.1"}, "aggregate.epsilon_cap"),
    ({"delta_cap": "1"}, "aggregate.delta_cap"),
    ({"delta_cap": "0"}, "aggregate.delta_cap"),
    ({"period_days": 0}, "aggregate.period_days"),
    ({"cells_per_period": 0}, "aggregate.cells_per_period"),
    ({"late_withdrawals": "IGNORE"}, "aggregate.late_withdrawals must be STAND or ABANDON"),
    ({"extra": 1}, "aggregate has 1 unknown"),
    # Exact figures have no loss, noisy ones have one.
    (EXACT | {"epsilon_count": "1"}, "aggregate.epsilon_count must be 0"),
    (EXACT | {"epsilon_receiver": "1"}, "aggregate.epsilon_receiver must be 0"),
    (EXACT | {"delta": "0.000001"}, "aggregate.delta must be 0"),
    (EXACT | {"t": 14}, "aggregate.t"),
    (EXACT | {"measures": terms()["measures"]}, "aggregate.measures[0].epsilon.sum must be 0"),
    ({"measures": EXACT["measures"]}, "aggregate.measures[0].epsilon.sum must be greater than 0"),
]


@pytest.mark.parametrize(("changes", "named"), BAD, ids=lambda value: str(value)[:60])
def test_a_bad_term_is_refused_by_its_path(changes: dict[str, Any], named: str) -> None:
    assert named in refused(statistics_document(terms(**changes)))


@pytest.mark.parametrize("field", sorted(terms()))
def test_every_term_is_needed(field: str) -> None:
    made = terms()
    del made[field]
    assert f"aggregate.{field} is missing" in refused(statistics_document(made))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": "bfv"}, "scheme.name names a scheme that this release does not support"),
        ({"name": "rot13"}, "scheme.name"),
        ({"key_bits": 1024}, "scheme.key_bits must be 3072"),
        ({"key_bits": 4096}, "scheme.key_bits must be 3072"),
        ({"key_bits": 2048}, "scheme.key_bits is 2048, which needs the field legacy"),
        ({"key_bits": 2048, "legacy": False}, "scheme.key_bits"),
        ({"key_bits": 2048, "legacy": "yes"}, "scheme.legacy"),
        ({"legacy": True}, "scheme.legacy stands for keys of 2048"),
        ({"mode": "fast"}, "scheme.mode must be short_exponent or exact"),
        ({"extra": 1}, "scheme has 1 unknown"),
    ],
)
def test_a_bad_scheme_is_refused(changes: dict[str, Any], named: str) -> None:
    assert f"aggregate.{named}" in refused(statistics_document(terms(scheme=terms()["scheme"] | changes)))


def test_noise_counts_people_by_one_match_key() -> None:
    keys = [{"name": "phone.e164", "category": "c"}, {"name": "email", "category": "c"}]
    assert "match_keys must name one match key" in refused(statistics_document(match_keys=keys))
    assert len(agreement_of(statistics_document(terms(**EXACT), match_keys=keys)).match_keys) == 2
    assert "match_keys must name one match key" in refused(half_document(match_keys=keys))


@pytest.mark.parametrize(
    ("place", "changes", "named"),
    [
        (0, {"columns": []}, "directions[0].columns must name at least one column; for counts alone agree on OVERLAP"),
        (0, {"columns": ["income"]}, "directions[0].columns names a column that the agreement does not define"),
        (1, {"columns": ["recency"]}, "directions[1].columns must be empty: OVERLAP"),
        (0, {"result_to": ["platform", "retailer"]}, "directions[0].result_to must name the receiver first"),
        (0, {"result_to": ["retailer", "retailer"]}, "directions[0].result_to[1] repeats"),
        (0, {"result_to": ["stranger"]}, "directions[0].result_to must name one or both"),
    ],
)
def test_a_bad_direction_is_refused(place: int, changes: dict[str, Any], named: str) -> None:
    made = statistics_document()
    made["directions"][place] |= changes
    assert named in refused(made)


def test_an_exact_sum_and_its_values_do_not_go_to_one_receiver() -> None:
    enrich = {"operation": "ENRICH", "receiver": "retailer", "sender": "platform", "result_to": ["retailer"]}
    back = {"operation": "ENRICH", "receiver": "platform", "sender": "retailer", "result_to": ["platform"]}
    said = "directions give column recency to ENRICH and, without noise, to AGGREGATE"

    def with_enrich(made: dict[str, Any], way: dict[str, Any], *columns: str) -> dict[str, Any]:
        made["directions"].insert(0, way | {"columns": list(columns)})
        return made

    exact = statistics_document(terms(**EXACT))
    exact["directions"][0]["columns"] = ["recency"]
    assert said in refused(with_enrich(copy.deepcopy(exact), enrich, "recency"))
    assert said in refused(with_enrich(copy.deepcopy(exact), enrich, "channel", "recency"))
    # Whatever hides the counts: the sums are exact.
    assert said in refused(with_enrich(half_document(), enrich, "recency"))
    # Another column, other customers' values, or noise in the sums.
    for allowed in (
        with_enrich(copy.deepcopy(exact), enrich, "channel"),
        with_enrich(copy.deepcopy(exact), back, "recency"),
        with_enrich(statistics_document(), enrich, "recency", "channel"),
    ):
        assert len(agreement_of(allowed).directions) == 3


def test_a_column_of_an_aggregate_has_a_measure() -> None:
    assert "directions[0].columns[1] has no measure" in refused(statistics_document(terms(measures=[RECENCY])))


def test_the_value_holder_alone_may_receive() -> None:
    made = statistics_document()
    made["directions"][0]["result_to"] = ["platform"]
    assert agreement_of(made).directions[0].result_to == ("platform",)


def test_statistics_need_their_terms() -> None:
    assert "directions[0].operation is AGGREGATE" in refused(statistics_document() | {"aggregate": None})
