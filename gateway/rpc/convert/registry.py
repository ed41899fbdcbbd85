"""Purposes, categories and impact assessments, from and to messages.

Bodies are the mappings that the types of `consent` read; what those types check
is not checked here a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from consent.purpose import Method
from gateway.flow.ports import RegistryItem
from gateway.rpc.convert.field import instant_to_proto, refuse, some, text, time, time_or_none, time_to_proto
from gateway.rpc.convert.name import id_of, name_of
from gateway.v1 import registry_pb2

MAX_LIST = 256


def purpose_from_proto(message: registry_pb2.CreatePurposeRequest) -> dict[str, object]:
    """Parse a purpose into the body of a registry item.

    Raises:
        RequestError: BAD_FIELD.
    """
    if not message.HasField("purpose"):
        refuse("purpose", "is required")
    purpose = message.purpose
    return said(
        {
            "id": id_of(purpose.name, "purposes", "purpose.name"),
            "text": purpose.text,
            "automated": purpose.automated,
            "personalised_marketing": purpose.personalised_marketing,
            "owner": purpose.owner,
        }
    )


def purpose_to_proto(item: RegistryItem) -> registry_pb2.Purpose:
    """Write a stored purpose."""
    body: Mapping[str, Any] = item.body
    return registry_pb2.Purpose(
        name=name_of("purposes", item.item_id),
        text=body.get("text", ""),
        automated=body.get("automated", False),
        personalised_marketing=body.get("personalised_marketing", False),
        owner=body.get("owner", ""),
        create_time=time_to_proto(item.at),
    )


def category_from_proto(message: registry_pb2.CreateCategoryRequest) -> dict[str, object]:
    """Parse a category into the body of a registry item.

    Raises:
        RequestError: BAD_FIELD.
    """
    if not message.HasField("category"):
        refuse("category", "is required")
    category = message.category
    return said(
        {
            "id": id_of(category.name, "categories", "category.name"),
            "text": category.text,
            "sensitive": category.sensitive,
            "written": category.written,
            "anonymous_if_group": category.anonymous_if_group,
            "base": id_of(category.base, "categories", "category.base") if category.base else "",
            "derived_from": ids_of(category.derived_from, "categories", "category.derived_from"),
        }
    )


def category_to_proto(item: RegistryItem) -> registry_pb2.Category:
    """Write a stored category."""
    body: Mapping[str, Any] = item.body
    return registry_pb2.Category(
        name=name_of("categories", item.item_id),
        text=body.get("text", ""),
        sensitive=body.get("sensitive", False),
        written=body.get("written", False),
        anonymous_if_group=body.get("anonymous_if_group", False),
        base=name_of("categories", body.get("base", "")),
        derived_from=[name_of("categories", source) for source in body.get("derived_from", ())],
        create_time=time_to_proto(item.at),
    )


def assessment_from_proto(message: registry_pb2.CreateImpactAssessmentRequest) -> tuple[dict[str, object], int]:
    """Parse an impact assessment into the body of a registry item, and the version that it is to be.

    Raises:
        RequestError: BAD_FIELD.
    """
    path = "impact_assessment"
    if not message.HasField("impact_assessment"):
        refuse(path, "is required")
    assessment = message.impact_assessment
    if assessment.version < 0:
        refuse(f"{path}.version", "must not be negative")
    next_review = time_or_none(assessment, "next_review_time", f"{path}.next_review_time")
    own_use: list[str | None] = [None] if assessment.own_use else []
    body = said(
        {
            "id": id_of(assessment.name, "impactAssessments", f"{path}.name"),
            "approved_at": time(assessment, "approve_time", f"{path}.approve_time").isoformat(),
            "purposes": ids_of(assessment.purposes, "purposes", f"{path}.purposes", least=1),
            "recipients": own_use + ids_of(assessment.recipients, "parties", f"{path}.recipients"),
            "methods": [
                text(method, f"{path}.methods[{row}]")
                for row, method in enumerate(some(assessment.methods, f"{path}.methods", most=MAX_LIST))
            ],
            "covers_sensitive": assessment.covers_sensitive,
            "approver": assessment.approver,
            "next_review": "" if next_review is None else next_review.isoformat(),
        }
    )
    return body, assessment.version


def assessment_to_proto(item: RegistryItem) -> registry_pb2.ImpactAssessment:
    """Write a stored impact assessment."""
    body: Mapping[str, Any] = item.body
    return registry_pb2.ImpactAssessment(
        name=name_of("impactAssessments", item.item_id),
        approve_time=stored_time(body, "approved_at"),
        purposes=[name_of("purposes", purpose) for purpose in body.get("purposes", ())],
        recipients=[name_of("parties", party) for party in body.get("recipients", ()) if party is not None],
        own_use=None in body.get("recipients", ()),
        methods=body.get("methods", ()),
        covers_sensitive=body.get("covers_sensitive", False),
        approver=body.get("approver", ""),
        next_review_time=stored_time(body, "next_review"),
        create_time=stored_time(body, "recorded_at") or time_to_proto(item.at),
        version=item.version,
    )


def basis_rule_from_proto(message: registry_pb2.CreateBasisRuleRequest) -> tuple[dict[str, object], int]:
    """Parse a row of the basis rule table into the body of a registry item, and the version that it is to be.

    Raises:
        RequestError: BAD_FIELD.
    """
    path = "basis_rule"
    if not message.HasField(path):
        refuse(path, "is required")
    rule = message.basis_rule
    if rule.version < 0:
        refuse(f"{path}.version", "must not be negative")
    begins = time_or_none(rule, "valid_from_time", f"{path}.valid_from_time")
    ends = time_or_none(rule, "valid_until_time", f"{path}.valid_until_time")
    own_use: list[str | None] = [None] if rule.own_use else []
    body: dict[str, object] = {
        "id": id_of(rule.name, "basisRules", f"{path}.name"),
        "basis": text(rule.basis, f"{path}.basis"),
        "purpose": id_of(rule.purpose, "purposes", f"{path}.purpose"),
        "recipients": own_use + ids_of(rule.recipients, "parties", f"{path}.recipients"),
        "categories": ids_of(rule.categories, "categories", f"{path}.categories", least=1),
        "owner": text(rule.owner, f"{path}.owner"),
        "evidence": rule.evidence,
        "valid_from": "" if begins is None else begins.isoformat(),
        "valid_until": "" if ends is None else ends.isoformat(),
    }
    return said(body), rule.version


def basis_rule_to_proto(item: RegistryItem) -> registry_pb2.BasisRule:
    """Write a stored version of a row."""
    body: Mapping[str, Any] = item.body
    return registry_pb2.BasisRule(
        name=name_of("basisRules", item.item_id),
        version=item.version,
        basis=body["basis"],
        purpose=name_of("purposes", body["purpose"]),
        recipients=[name_of("parties", party) for party in body["recipients"] if party is not None],
        own_use=None in body["recipients"],
        categories=[name_of("categories", category) for category in body["categories"]],
        owner=body["owner"],
        evidence=body.get("evidence", ""),
        valid_from_time=stored_time(body, "valid_from"),
        valid_until_time=stored_time(body, "valid_until"),
        create_time=time_to_proto(item.at),
    )


def method_to_proto(method: Method) -> registry_pb2.Method:
    """Write a method."""
    return registry_pb2.Method(method=method.id, publishes=method.publishes, stores_only=method.stores_only)


def said(body: Mapping[str, object]) -> dict[str, object]:
    """Leave out empty texts, which mean that nothing was said."""
    return {name: value for name, value in body.items() if value != ""}


def ids_of(names: Sequence[str], collection: str, path: str, *, least: int = 0) -> list[Any]:
    """Return the ids in a list of resource names.

    Raises:
        RequestError: BAD_FIELD.
    """
    some(names, path, least=least, most=MAX_LIST)
    return [id_of(name, collection, f"{path}[{row}]") for row, name in enumerate(names)]


def stored_time(body: Mapping[str, Any], key: str) -> Timestamp | None:
    """Write a time of a stored body; None where there is none."""
    return instant_to_proto(body[key]) if key in body else None
