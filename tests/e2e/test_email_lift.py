"""The e-mail campaign, both ways round: real processes on generated data of the same shape, and the check that judges.

Forwards both parties sign for exact figures, which must equal the truth; the other way round figures are noisy.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "email_lift"
ROWS = 1000
STRANGERS = 300
HEADER = "recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit,conversion,spend"
ARMS = {"Mens E-Mail": 0.3, "No E-Mail": 0.2, "Womens E-Mail": 0.25}
FILES = {
    "retailer.csv",
    "partner.csv",
    "retailer_consents.csv",
    "partner_consents.csv",
    "agreement.json",
    "result.json",
}
WAYS = {"exact": ("--noise", "off"), "noisy_reverse": ("--reverse",)}
THOROUGH = bool(os.environ.get("ASSENT_THOROUGH"))


def _table(path: Path) -> None:
    """A campaign of the shape that the example expects: amounts with and without decimals, CRLF."""
    chance = random.Random(11)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER.split(","))
        for _ in range(ROWS):
            arm = chance.choice(list(ARMS))
            visit = chance.random() < ARMS[arm]
            buys = visit and chance.random() < 0.3
            # Some amounts are beyond the agreed bound of 500, and count as the bound.
            spend = chance.choice(("29.99", f"{chance.uniform(1, 499):.2f}", "520.5", "35")) if buys else "0"
            history = (
                chance.randint(1, 12),
                "2) $100 - $200",
                f"{chance.uniform(30, 1500):.2f}",
                1,
                0,
                "Rural",
                1,
                "Web",
            )
            writer.writerow((*history, arm, int(visit), int(buys), spend))


def _environment() -> dict[str, str]:
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # Dozens of commands follow: they are to find each other's compiled modules.
    known = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**known, "PATH": here}


def _run(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        env={**_environment(), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Path, str]]]:
    """Both runs at a time: the folder that each leaves, and what it printed."""
    folder = tmp_path_factory.mktemp("lift")
    _table(folder / "campaign.csv")
    common = [str(EXAMPLE / "run.sh"), "--csv", str(folder / "campaign.csv"), "--strangers", str(STRANGERS)]
    started = {
        way: subprocess.Popen(
            [*common, "--workdir", str(folder / way), *words],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for way, words in WAYS.items()
        if THOROUGH or way == "exact"
    }
    try:
        found = {}
        for way, process in started.items():
            printed, said = process.communicate(timeout=500)
            assert process.returncode == 0, printed + said
            found[way] = (folder / way, printed)
        yield found
    finally:
        for process in started.values():
            if process.poll() is None:
                process.terminate()
                process.communicate()


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("email_lift_check", EXAMPLE / "check.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return found


def test_exact_figures_equal_the_truth(runs: dict[str, tuple[Path, str]]) -> None:
    folder, printed = runs["exact"]
    assert "counts, sums and sums of squares are equal, digit by digit" in printed
    assert "compared with Welch's t test (scipy)" in printed
    assert "0 differences" in printed
    result = _result(folder)
    assert {cell["noise_sd"] for cell in result["cells"]} == {0.0}
    assert {cell["segment"] for cell in result["cells"]} == {None, *ARMS}
    assert {cell["against"] for cell in result["comparisons"]} == {"No E-Mail"}
    assert result["budget"]["partner"]["epsilon"] == "0"
    # Counts, sums and squares of three segments: everything exact is counted.
    assert result["budget"]["partner"]["exact_cells"] == 3 * (1 + 4)


@pytest.mark.thorough
def test_noisy_figures_the_other_way_round(runs: dict[str, tuple[Path, str]], check: ModuleType) -> None:
    folder, _ = runs["noisy_reverse"]
    found, result = check.examine(folder), _result(folder)
    assert found.problems == []
    assert found.noisy == 4 * 12
    assert found.covered >= 0.6 * found.noisy
    # The retailer answered and received; names of segments stayed with the platform.
    assert result["job"]["side"] == "SENDER"
    assert {cell["segment"] for cell in result["cells"]} == {None, "1", "2", "3"}
    assert all(cell["noise_sd"] > 0 for cell in result["cells"])
    spent = {side: found["epsilon"] for side, found in result["budget"].items()}
    assert spent == {"retailer": "1", "partner": "4"}


@pytest.mark.parametrize("way", ["exact", pytest.param("noisy_reverse", marks=pytest.mark.thorough)])
def test_it_leaves_inputs_agreement_and_result(runs: dict[str, tuple[Path, str]], way: str) -> None:
    folder, _ = runs[way]
    assert {path.name for path in folder.iterdir()} >= FILES
    mailer, shop = ("partner", "retailer") if way == "noisy_reverse" else ("retailer", "partner")
    assert len(_rows(folder / f"{mailer}.csv")) == ROWS
    assert "segment" in _rows(folder / f"{mailer}.csv")[0]
    assert len(_rows(folder / f"{shop}.csv")) == round(0.7 * ROWS) + STRANGERS
    assert {"visit", "conversion", "spend"} < set(_rows(folder / f"{shop}.csv")[0])
    # 70 % in common, 90 % and 95 % of them agreed.
    people = sum(
        int(one["value"]) for one in _result(folder)["cells"] if one["statistic"] == "count" and one["segment"]
    )
    assert 0.95 < people / (0.7 * 0.9 * 0.95 * ROWS) < 1.05


def test_valid_consents_are_ninety_and_ninety_five_of_a_hundred(runs: dict[str, tuple[Path, str]]) -> None:
    folder, _ = runs["exact"]
    counts = _result(folder)["job"]
    assert counts["consented"] == 0.9 * ROWS
    assert counts["partner_rows"] == round(0.95 * (0.7 * ROWS + STRANGERS))
    for name in ("retailer_consents.csv", "partner_consents.csv"):
        events = _rows(folder / name)
        withdrawn = 0.03 * ROWS if name.startswith("retailer") else 0.02 * (0.7 * ROWS + STRANGERS)
        assert sum(one["type"] == "consent_withdrawn" for one in events) == withdrawn
        assert not [one for one in events if one["subject"] in one["event_id"] + one["consent_id"]]


@pytest.mark.parametrize("damage", ["value", "sum", "missing", "surplus", "mean", "lift", "p_value", "segment"])
def test_the_check_notices(runs: dict[str, tuple[Path, str]], check: ModuleType, tmp_path: Path, damage: str) -> None:
    folder, _ = runs["exact"]
    for name in FILES:
        shutil.copy(folder / name, tmp_path)
    result = _result(folder)
    cells = {(one["segment"], one["column"], one["statistic"]): one for one in result["cells"]}
    count = cells["Mens E-Mail", None, "count"]
    if damage == "value":
        count["value"] = str(int(count["value"]) + 1)
    elif damage == "sum":
        row = cells["No E-Mail", "spend", "sum"]
        row["value"] = row["low"] = row["high"] = f"{float(row['value']) + 0.01:.2f}"
    elif damage == "missing":
        result["cells"].remove(cells["No E-Mail", "conversion", "variance"])
    elif damage == "surplus":
        result["cells"].append({**count, "segment": "Nobody"})
    elif damage == "mean":
        cells[None, "spend", "mean"]["value"] = "1"
    elif damage == "segment":
        result["cells"] = [one for one in result["cells"] if one["segment"] != "Mens E-Mail"]
    else:
        row = next(one for one in result["comparisons"] if one["statistic"] == "lift")
        row["p_value" if damage == "p_value" else "value"] = 0.5 if damage == "p_value" else row["low"]
    (tmp_path / "result.json").write_text(json.dumps(result), encoding="utf-8")
    assert check.examine(tmp_path).problems


@pytest.mark.thorough
def test_the_check_notices_noise_other_than_agreed(
    runs: dict[str, tuple[Path, str]], check: ModuleType, tmp_path: Path
) -> None:
    folder, _ = runs["noisy_reverse"]
    for name in FILES - {"agreement.json"}:
        shutil.copy(folder / name, tmp_path)
    agreement = json.loads((folder / "agreement.json").read_text(encoding="utf-8"))
    agreement["aggregate"]["measures"][2]["epsilon"]["sum"] = "0.5"
    (tmp_path / "agreement.json").write_text(json.dumps(agreement), encoding="utf-8")
    problems = check.examine(tmp_path).problems
    assert len(problems) == 4
    assert all("spend', 'sum'): noise_sd is" in one for one in problems)


def test_a_wrong_result_is_exit_code_1(runs: dict[str, tuple[Path, str]], tmp_path: Path) -> None:
    folder, _ = runs["exact"]
    for name in FILES:
        shutil.copy(folder / name, tmp_path)
    result = _result(folder)
    result["cells"][0]["value"] = "1"
    (tmp_path / "result.json").write_text(json.dumps(result), encoding="utf-8")
    ended = _run(sys.executable, EXAMPLE / "check.py", tmp_path)
    assert ended.returncode == 1
    assert "differences, among them:" in ended.stdout


def test_the_inputs_are_the_same_every_time(runs: dict[str, tuple[Path, str]], tmp_path: Path) -> None:
    folder, _ = runs["exact"]
    words = (
        "--csv",
        folder.parent / "campaign.csv",
        "--out",
        tmp_path,
        "--strangers",
        str(STRANGERS),
        "--noise",
        "off",
    )
    made = _run(sys.executable, EXAMPLE / "make_inputs.py", *words, PYTHONPATH=str(EXAMPLE.parent))
    assert made.returncode == 0, made.stderr
    for name in FILES - {"agreement.json", "result.json"}:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_no_server_is_left(runs: dict[str, tuple[Path, str]]) -> None:
    folders = [str(folder).encode() for folder, _ in runs.values()]
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [line for line in lines if any(folder in line for folder in folders)]


def test_what_it_cannot_use_is_said(runs: dict[str, tuple[Path, str]], tmp_path: Path) -> None:
    folder, _ = runs["exact"]
    source = tmp_path / "campaign.csv"
    source.write_text("segment,visit,conversion\na,1,0\n", encoding="utf-8")
    ended = _run(EXAMPLE / "run.sh", "--csv", source, "--workdir", tmp_path / "work")
    assert ended.returncode == 2
    assert "has no column spend" in ended.stderr
    used = _run(EXAMPLE / "run.sh", "--csv", source, "--workdir", folder)
    assert used.returncode == 2
    assert "is not empty" in used.stderr
    wrong = _run(EXAMPLE / "run.sh", "--csv", source, "--workdir", tmp_path / "work", "--noise", "some")
    assert wrong.returncode == 2
    assert "usage:" in wrong.stderr
