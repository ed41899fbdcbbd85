"""Files on an object store that speaks S3, on loopback: the contract of every source, and what is not there."""

from __future__ import annotations

import gzip
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

from gateway.dataset import Datasets
from gateway.errors import RequestError, SourceError
from tests.unit.gateway.dataset.files import Declared, bound
from tests.unit.gateway.dataset.kinds import NAMES, TABLE, as_csv, as_table
from tests.unit.gateway.dataset.scans import rows_of
from tests.unit.gateway.dataset.test_kinds import contract, described

SECRET = "hunter2hunter2"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def disk(address: str, monkeypatch: pytest.MonkeyPatch) -> fs.FileSystem:
    for name, value in (("ACCESS_KEY_ID", "shop"), ("SECRET_ACCESS_KEY", SECRET), ("EC2_METADATA_DISABLED", "true")):
        monkeypatch.setenv(f"AWS_{name}", value)
    made = fs.S3FileSystem(endpoint_override=address, scheme="http", region="us-east-1", allow_bucket_creation=True)
    made.create_dir("exports")
    return made


@pytest.fixture
def query(address: str) -> str:
    return f"?region=us-east-1&scheme=http&endpoint_override={address}"


def put(disk: fs.FileSystem, path: str, content: bytes) -> None:
    with disk.open_output_stream(path, compression=None) as file:
        file.write(content)


def refused(declared: Declared) -> SourceError:
    with pytest.raises(SourceError) as caught:
        rows_of(Datasets(lambda: {"customers": declared}).scan(bound(), "phone.cn11", ()))
    printed = "".join(traceback.format_exception(caught.value))
    assert "13800" not in printed
    assert SECRET not in printed
    return caught.value


async def test_files_of_a_store_are_read_like_files_of_ours(disk: fs.FileSystem, query: str, tmp_path: Path) -> None:
    put(disk, "exports/gbk/rows.csv.gz", gzip.compress(as_csv().encode("gbk")))
    pq.write_table(as_table(TABLE[:4]), "exports/days/dt=1/rows.parquet", filesystem=disk)
    pq.write_table(as_table(TABLE[4:]), "exports/days/dt=2/rows.parquet", filesystem=disk)
    pq.write_table(as_table(), "exports/days/dt=3/rows.parquet", filesystem=disk)
    packed = Declared("csv", None, url=f"s3://exports/gbk/rows.csv.gz{query}", encoding="gbk")
    days = Declared("parquet", None, url=f"s3://exports/days{query}", partitions=("dt < 3",))
    pattern = Declared("parquet", None, url=f"s3://exports/days/dt=[12]/*.parquet{query}")
    for declared in (packed, days, pattern):
        contract(declared, 1000)
    assert await described(days) == {*NAMES, "dt"}


def test_what_goes_wrong_is_told_by_the_store_s_code(disk: fs.FileSystem, query: str) -> None:
    put(disk, "exports/bad/1.csv", as_csv().encode() + b"c\n")
    error = refused(Declared("csv", None, url=f"s3://exports/bad/1.csv{query}"))
    assert (error.reason, "(1.csv) has 1 fields in row 11" in error.message) == ("BAD_ROW", True)
    put(disk, "exports/bad/2.csv", as_csv().encode() + "金\n".encode("gbk"))
    error = refused(Declared("csv", None, url=f"s3://exports/bad/2.csv{query}"))
    assert (error.reason, "is not UTF-8 in row 11;" in error.message) == ("BAD_ENCODING", True)
    for path in ("exports/bad/none.csv", "exports/bad/*.orc", "nobody/rows.csv"):
        assert refused(Declared("csv", None, url=f"s3://{path}{query}")).reason == "BAD_ROW"


def test_a_store_that_does_not_answer(disk: fs.FileSystem) -> None:
    url = "s3://exports/rows.csv?region=us-east-1&scheme=http&endpoint_override=127.0.0.1:1"
    error = refused(Declared("csv", None, url=url))
    assert (error.reason, "NETWORK_CONNECTION" in error.message) == ("BAD_ROW", True)


def test_an_object_that_is_written_again_between_two_reads(disk: fs.FileSystem, query: str) -> None:
    states = []
    for content in (TABLE, TABLE, TABLE[:2]):
        put(disk, "exports/state/rows.csv", as_csv(content).encode())
        scan = Datasets(lambda: {"customers": Declared("csv", None, url=f"s3://exports/state{query}")}).scan(
            bound(), "phone.cn11", ()
        )
        rows_of(scan)
        states.append(scan.state)
    assert states[0] != states[2]


def test_other_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSS_ACCESS_KEY_ID", "shop")
    monkeypatch.setenv("OSS_ACCESS_KEY_SECRET", SECRET)
    for url, said in (
        ("s3://exports/rows.csv?key=1", "region, scheme, not key"),
        ("oss://exports/rows.csv", "takes endpoint"),
    ):
        with pytest.raises(RequestError, match=said) as caught:
            refused(Declared("csv", None, url=url))
        assert caught.value.reason == "BAD_FIELD"
    # Opening asks nothing of the store yet.
    oss = Declared("csv", None, url="oss://exports/rows.csv?endpoint=oss-cn-hangzhou.aliyuncs.com")
    Datasets(lambda: {"customers": oss}).scan(bound(), "phone.cn11", ())
    # No machine of ours has Hadoop's library.
    error = refused(Declared("csv", None, url="hdfs://127.0.0.1:1/rows.csv"))
    assert (error.reason, "cannot be opened" in error.message, "HADOOP_HOME" in error.message) == (
        "BAD_ROW",
        True,
        True,
    )
