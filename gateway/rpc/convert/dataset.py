"""Data sets, to messages."""

from __future__ import annotations

from gateway.flow.ports import DatasetDescription
from gateway.rpc.convert.name import name_of
from gateway.v1 import dataset_pb2


def dataset_to_proto(found: DatasetDescription) -> dataset_pb2.Dataset:
    """Write what a person may know of a data set."""
    return dataset_pb2.Dataset(
        name=name_of("datasets", found.name),
        format=found.format,
        columns=[
            dataset_pb2.DatasetColumn(name=name, type=kind, identifier=found.identifiers.get(name, ""))
            for name, kind in found.columns or tuple((name, "") for name in found.identifiers)
        ],
        subject_column=found.subject_column,
        subject_source=found.subject_source,
        parts=[
            dataset_pb2.DatasetPart(
                name=part.name,
                format=part.format,
                subject_column=part.subject_column,
                subject_source=part.subject_source,
            )
            for part in found.parts
        ],
        places=found.places,
    )
