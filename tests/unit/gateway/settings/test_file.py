from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.errors import AssentError, RequestError, StateError
from gateway.settings import add_dataset, load_datasets, load_settings, write_default

PARTY = {"id": "retailer", "legal_name": '零售 "A" 有限公司\\', "contact": "privacy@example.com"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_default(tmp_path / "home", PARTY)
    return tmp_path / "home"


def csv(path: object = "/srv/customers.csv") -> dict[str, object]:
    return {"format": "csv", "path": path, "subject_column": "customer"}


def test_a_fresh_home(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    path = write_default(home, PARTY, {"peer_address": "0.0.0.0:9444"}, {"url": "postgresql://u:p@h/d"})
    assert path == home / "assent.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    settings = load_settings(home)
    assert settings.party.legal_name == PARTY["legal_name"]
    assert settings.server.peer_address == "0.0.0.0:9444"
    assert settings.server.tenant_address == "127.0.0.1:7443"
    assert settings.store.url.get_secret_value() == "postgresql://u:p@h/d"


def test_an_existing_file_is_never_overwritten(home: Path) -> None:
    before = (home / "assent.toml").read_bytes()
    with pytest.raises(StateError) as caught:
        write_default(home, PARTY)
    assert caught.value.reason == "REVISION_CONFLICT"
    assert (home / "assent.toml").read_bytes() == before


@pytest.mark.parametrize(
    "party",
    [{}, {"id": "Retailer", "legal_name": "x"}, {"id": "a"}, {**PARTY, "motto": "x"}, {**PARTY, "contact": "a\nb"}],
)
def test_a_wrong_party_writes_nothing(tmp_path: Path, party: dict[str, object]) -> None:
    with pytest.raises(RequestError):
        write_default(tmp_path / "home", party)
    assert not (tmp_path / "home").exists()


def test_a_data_set_is_appended_and_the_rest_stays_as_written(home: Path) -> None:
    path = home / "assent.toml"
    path.write_text("# mine\n" + path.read_text() + "[engine]\njobs   =  2 # two\n\n# the end")
    path.chmod(0o640)
    before = path.read_text()
    added = add_dataset(home, "customers", csv())
    assert path.read_text().startswith(before + "\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert added.path == Path("/srv/customers.csv")
    assert load_datasets(home)["customers"] == added
    assert load_settings(home).engine.jobs == 2
    add_dataset(home, "buyers-2", csv() | {"format": "parquet", "subject_column": '编号 "x"'})
    assert load_datasets(home)["buyers-2"].subject_column == '编号 "x"'
    assert [entry.name for entry in home.iterdir()] == ["assent.toml"]


def test_a_relative_path_is_one_from_here(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert add_dataset(home, "customers", csv(Path("in/c.csv"))).path == tmp_path / "in" / "c.csv"
    assert load_datasets(home)["customers"].path == tmp_path / "in" / "c.csv"


def test_a_name_is_declared_once(home: Path) -> None:
    add_dataset(home, "customers", csv())
    before = (home / "assent.toml").read_bytes()
    with pytest.raises(StateError) as caught:
        add_dataset(home, "customers", csv("/srv/other.csv"))
    assert caught.value.reason == "REVISION_CONFLICT"
    assert (home / "assent.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("", csv()),
        ("Customers", csv()),
        ("a.b", csv()),
        ("a]\n[party", csv()),
        ("a", {**csv(), "format": "xlsx"}),
        ("a", {"format": "csv", "path": "/x"}),
        ("a", {**csv(), "password": "x"}),
        ("a", csv("/x\ny")),
        ("a", csv(7)),
        ("a", csv(None)),
        ("a", {**csv(), "subject_column": ""}),
        ("a", {**csv(), "x y": "z"}),
    ],
)
def test_a_wrong_data_set_changes_nothing(home: Path, name: str, dataset: dict[str, object]) -> None:
    before = (home / "assent.toml").read_bytes()
    with pytest.raises(RequestError) as caught:
        add_dataset(home, name, dataset)
    assert caught.value.reason == "BAD_FIELD"
    assert (home / "assent.toml").read_bytes() == before


def test_a_file_that_cannot_be_appended_to_is_left_alone(home: Path) -> None:
    path = home / "assent.toml"
    text = 'datasets = { a = { format = "csv", path = "/x", subject_column = "c" } }\n' + path.read_text()
    path.write_text(text)
    assert list(load_datasets(home)) == ["a"]
    with pytest.raises(RequestError, match="cannot be appended to"):
        add_dataset(home, "b", csv())
    assert path.read_text() == text


def test_without_a_home(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="assent keys init") as caught:
        add_dataset(tmp_path / "nowhere", "a", csv())
    assert caught.value.reason == "NOT_FOUND"


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(AssentError):
        write_default(tmp_path / "home", PARTY)


def test_a_linked_file_stays_a_link(home: Path, tmp_path: Path) -> None:
    path = home / "assent.toml"
    target = path.rename(tmp_path / "elsewhere.toml")
    path.symlink_to(target)
    add_dataset(home, "customers", csv())
    assert path.is_symlink()
    assert list(load_datasets(home)) == ["customers"]


def test_two_people_declare_at_once(home: Path) -> None:
    names = [f"set{n}" for n in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: add_dataset(home, name, csv(f"/srv/{name}.csv")), names))
    assert sorted(load_datasets(home)) == sorted(names)
