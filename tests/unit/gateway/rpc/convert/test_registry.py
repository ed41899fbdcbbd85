"""What the client writes is what `consent` reads, and what the store holds is what the client reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from consent.assessment import Assessment
from consent.purpose import Category, Purpose
from gateway.flow.ports import RegistryItem
from gateway.rpc.convert.registry import (
    assessment_from_proto,
    assessment_to_proto,
    category_from_proto,
    category_to_proto,
    purpose_from_proto,
    purpose_to_proto,
)
from gateway.v1 import registry_pb2
from tests.unit.gateway.rpc.convert.messages import WHEN, refused, stamp

PURPOSES = [
    registry_pb2.Purpose(name="purposes/p"),
    registry_pb2.Purpose(
        name="purposes/p/q@1", text="画像补充", automated=True, personalised_marketing=True, owner="crm"
    ),
]
CATEGORIES = [
    registry_pb2.Category(name="categories/c"),
    registry_pb2.Category(name="categories/c", text="手机号", sensitive=True, written=True),
    registry_pb2.Category(name="categories/label", derived_from=["categories/c", "categories/d"]),
    registry_pb2.Category(name="categories/sum", anonymous_if_group=True, base="categories/c"),
]
ASSESSMENTS = [
    registry_pb2.ImpactAssessment(
        name="impactAssessments/a", approve_time=stamp(), purposes=["purposes/p"], methods=["psi_hash"], own_use=True
    ),
    registry_pb2.ImpactAssessment(
        name="impactAssessments/a",
        approve_time=stamp(),
        purposes=["purposes/p", "purposes/q"],
        recipients=["parties/b", "parties/c"],
        methods=["he_aggregate", "psi_hash"],
        covers_sensitive=True,
        approver="dpo",
        next_review_time=stamp(),
    ),
]


def _stored(kind: str, body: dict[str, Any]) -> RegistryItem:
    return RegistryItem(kind, body["id"], 1, "active", body, WHEN)


@pytest.mark.parametrize("message", PURPOSES)
def test_a_purpose_comes_back_as_it_went(message: registry_pb2.Purpose) -> None:
    body = Purpose.from_mapping(purpose_from_proto(registry_pb2.CreatePurposeRequest(purpose=message))).to_mapping()
    found = purpose_to_proto(_stored("purpose", body))
    assert found.create_time == stamp()
    found.ClearField("create_time")
    assert found == message


@pytest.mark.parametrize("message", CATEGORIES)
def test_a_category_comes_back_as_it_went(message: registry_pb2.Category) -> None:
    request = registry_pb2.CreateCategoryRequest(category=message)
    body = Category.from_mapping(category_from_proto(request)).to_mapping()
    found = category_to_proto(_stored("category", body))
    found.ClearField("create_time")
    assert found == message


@pytest.mark.parametrize("message", ASSESSMENTS)
def test_an_assessment_comes_back_as_it_went(message: registry_pb2.ImpactAssessment) -> None:
    request = registry_pb2.CreateImpactAssessmentRequest(impact_assessment=message)
    request.impact_assessment.version = 1
    parsed, version = assessment_from_proto(request)
    body = Assessment.from_mapping(parsed).to_mapping()
    found = assessment_to_proto(_stored("assessment", body))
    assert (found.create_time, found.version, version) == (stamp(), 1, 1)
    for set_by_server in ("create_time", "version"):
        found.ClearField(set_by_server)  # type: ignore[arg-type]
    assert found == message


def test_an_assessment_of_a_partner_does_not_cover_own_use() -> None:
    request = registry_pb2.CreateImpactAssessmentRequest(impact_assessment=ASSESSMENTS[1])
    assert None not in Assessment.from_mapping(assessment_from_proto(request)[0]).recipients


def _purpose(**changes: Any) -> Any:
    return registry_pb2.CreatePurposeRequest(purpose=registry_pb2.Purpose(**changes))


def _category(**changes: Any) -> Any:
    return registry_pb2.CreateCategoryRequest(category=registry_pb2.Category(**changes))


def _assessment(**changes: Any) -> Any:
    message = registry_pb2.ImpactAssessment()
    message.CopyFrom(ASSESSMENTS[1])
    for name, value in changes.items():
        message.ClearField(name)  # type: ignore[arg-type]
        message.MergeFrom(registry_pb2.ImpactAssessment(**{name: value}))
    return registry_pb2.CreateImpactAssessmentRequest(impact_assessment=message)


@pytest.mark.parametrize(
    ("parse", "message", "path"),
    [
        (purpose_from_proto, registry_pb2.CreatePurposeRequest(), "purpose"),
        (purpose_from_proto, _purpose(name="p"), "purpose.name"),
        (purpose_from_proto, _purpose(name="purposes/手机"), "purpose.name"),
        (category_from_proto, registry_pb2.CreateCategoryRequest(), "category"),
        (category_from_proto, _category(name="purposes/c"), "category.name"),
        (category_from_proto, _category(name="categories/c", base="c"), "category.base"),
        (assessment_from_proto, registry_pb2.CreateImpactAssessmentRequest(), "impact_assessment"),
        (assessment_from_proto, _assessment(name=""), "impact_assessment.name"),
        (assessment_from_proto, _assessment(approve_time=None), "impact_assessment.approve_time"),
        (assessment_from_proto, _assessment(version=-1), "impact_assessment.version"),
        (assessment_from_proto, _assessment(purposes=[]), "impact_assessment.purposes"),
        (assessment_from_proto, _assessment(purposes=["purposes/p", "q"]), "impact_assessment.purposes[1]"),
        (assessment_from_proto, _assessment(recipients=["platform"]), "impact_assessment.recipients[0]"),
        (assessment_from_proto, _assessment(methods=[]), "impact_assessment.methods"),
        (assessment_from_proto, _assessment(methods=["psi_hash", ""]), "impact_assessment.methods[1]"),
    ],
)
def test_a_bad_field_is_named(parse: Callable[[Any], object], message: Any, path: str) -> None:
    refused(parse, message, path)
