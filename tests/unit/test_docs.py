"""What the documents say is so: commands, names, figures, links, examples of agreements; both READMEs are twins."""

from __future__ import annotations

import ast
import asyncio
import builtins
import dataclasses
import inspect
import json
import math
import re
import shlex
from collections.abc import Iterator
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import typer

from gateway.agreement.aggregate_draft import COUNTS, DEFAULTS
from gateway.agreement.agreement import agreement_of
from gateway.agreement.count_noise import count_delta, least_t
from gateway.agreement.draft import complete
from gateway.client import Client
from gateway.disclosure import CELLS, Verdict, charges
from gateway.disclosure.cells import Shown
from gateway.disclosure.sketch import CELLS as CELLS_OF_SKETCH
from gateway.disclosure.spread import dummies_spread, laplace_spread
from gateway.errors import AssentError, StateError
from gateway.flow.ends import REFUSAL_CODES
from gateway.flow.similar import LEAST_CHANGE
from gateway.he import paillier
from gateway.he.layout import layout
from gateway.identifier import RejectReason, normalise, parse
from gateway.identifier.cases import TYPES
from gateway.identifier.match_key import DIGEST_HEX_LENGTH, FORMS
from gateway.identifier.normalise import MAX_CELL
from gateway.main import app
from gateway.psi.stages import Grouped, grouped_stages
from gateway.route.agreement import Agreement, Operation
from gateway.route.session import AggregateStage, Stage
from tests.unit.gateway.agreement.samples import PARTNER, card

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")
DOCUMENTS = (*READMES, *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def prose_of(document: str) -> str:
    return FENCE.sub("", text_of(document))


def rows_under(document: str, heading: str) -> list[list[str]]:
    """Cells of every table row between a heading and the next one."""
    section = text_of(document).split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


# ---- twins ---------------------------------------------------------------------------------------------------------


def without_comments(language: str, content: str) -> list[str]:
    lines = content.splitlines()
    return [re.sub(r"(?:^|\s+)#.*", "", line) for line in lines] if language == "sh" else lines


def blocks(document: str) -> list[tuple[str, list[str]]]:
    return [(language, without_comments(language, content)) for language, content in FENCE.findall(text_of(document))]


def test_twins_have_the_same_code_commands_and_output() -> None:
    ours, theirs = (blocks(document) for document in READMES)
    assert [language for language, _ in ours] == [language for language, _ in theirs]
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        assert one == other, f"code block {number} differs between {READMES[0]} and {READMES[1]}"


def test_twins_have_the_same_structure() -> None:
    def outline(document: str) -> list[str]:
        found = re.findall(r"^(#+|\||- |<!-- .*-->)", prose_of(document), re.MULTILINE)
        return [str(mark) for mark in found]

    assert outline(READMES[0]) == outline(READMES[1])


def test_twins_link_to_the_same_places_and_to_each_other() -> None:
    ours, theirs = (LINK.findall(prose_of(document)) for document in READMES)
    assert (ours[0], theirs[0]) == (READMES[1], READMES[0])
    assert ours[1:] == theirs[1:]


# ---- links ---------------------------------------------------------------------------------------------------------


def slug(heading: str) -> str:
    words = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return words.replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_resolve(document: str) -> None:
    for target in LINK.findall(prose_of(document)):
        if target.startswith(("http:", "https:")) or document.endswith("0000-template.md"):
            continue
        path, _, anchor = target.partition("#")
        place = ((ROOT / document).parent / path).resolve() if path else ROOT / document
        assert place.exists(), f"{document} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", FENCE.sub("", place.read_text(encoding="utf-8")), re.MULTILINE)
            assert anchor in map(slug, headings), f"{document} links to {target}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_named_in_the_text_exist(document: str) -> None:
    named = re.findall(r"`((?:[\w.]+/)+[\w.]+\.(?:py|proto|sh|json))`", prose_of(document))
    missing = [path for path in named if not any((base / path).is_file() for base in (ROOT, ROOT / "gateway"))]
    assert not missing


# ---- commands ------------------------------------------------------------------------------------------------------


def commands(document: str) -> Iterator[tuple[list[str], bool]]:
    """Yield the words of every `assent` command, and whether it stands whole in a block of code."""
    text = text_of(document)
    lines = [line for language, content in FENCE.findall(text) if language == "sh" for line in content.splitlines()]
    lines += re.findall(r"^ {4}(assent .*)$", prose_of(document), re.MULTILINE)
    for line in lines:
        for part in re.split(r"&&|&(?=\s|$)", re.sub(r"\s#.*", "", line)):
            if part.strip().startswith("assent "):
                yield shlex.split(part)[1:], True
    for part in re.findall(r"`assent ([^`]*)`", prose_of(document)):
        yield shlex.split(part), False


def check_command(words: list[str], whole: bool) -> None:
    command: Any = typer.main.get_command(app)
    everywhere = {name for param in command.params for name in param.opts}
    rest = list(words)
    while rest and hasattr(command, "commands"):
        name = rest.pop(0)
        assert name in command.commands, f"assent {' '.join(words)}: no command {name}"
        command = command.commands[name]
    if hasattr(command, "commands"):
        assert not whole, f"assent {' '.join(words)}: which of {sorted(command.commands)}?"
        return
    by_name = {name: param for param in command.params for name in (*param.opts, *param.secondary_opts)}
    given, positional = set(), 0
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            positional += 1
            continue
        assert word in by_name or word in everywhere, f"assent {' '.join(words)}: no option {word}"
        if word in by_name:
            given.add(by_name[word].name)
        if not getattr(by_name.get(word), "is_flag", False) and rest:
            rest.pop(0)
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    assert positional <= len(arguments), f"assent {' '.join(words)}: too many arguments"
    if whole:
        needed = [param for param in command.params if param.required]
        missing = [param.name for param in needed if param not in arguments and param.name not in given]
        assert not missing, f"assent {' '.join(words)}: lacks {missing}"
        assert positional >= sum(param in arguments for param in needed), f"assent {' '.join(words)}: lacks arguments"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_exist_with_their_options(document: str) -> None:
    for words, whole in commands(document):
        check_command(words, whole)


def test_commands_are_found_and_wrong_ones_noticed() -> None:
    found = [words for words, whole in commands("README.md") if whole]
    assert ["serve"] in found
    assert any(words[:3] == ["job", "run", "AGGREGATE"] for words in found)
    for wrong in (["job", "rum"], ["job", "run", "MATCH", "--agrement", "ID"], ["job", "run", "MATCH"], ["job"]):
        with pytest.raises(AssertionError):
            check_command(wrong, True)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_python_calls_what_the_client_has(document: str) -> None:
    for language, content in FENCE.findall(text_of(document)):
        if language != "python":
            continue
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("client.enrich", "client.aggregate"):
                name = ast.unparse(node.func).removeprefix("client.")
                known = inspect.signature(_method(name)).parameters
                assert {keyword.arg for keyword in node.keywords} <= set(known)
            elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("client."):
                assert _method(ast.unparse(node.func).removeprefix("client."))
            elif isinstance(node, ast.ImportFrom):
                assert node.module == "gateway.client"
                assert [alias.name for alias in node.names] == [Client.__name__]


def _method(path: str) -> Any:
    from gateway.client.aio import AsyncClient
    from gateway.client.connection import Connection

    async def found() -> Any:
        # A channel belongs to a running loop.
        client = AsyncClient(Connection("127.0.0.1:1", b"", "", None, 1.0))
        return reduce(getattr, path.split("."), client)

    return asyncio.run(found())


# ---- agreements ----------------------------------------------------------------------------------------------------


def agreements(document: str) -> list[Agreement]:
    drafts = [json.loads(content) for language, content in FENCE.findall(text_of(document)) if language == "json"]
    cards = {"retailer": card(), "platform": card("platform", PARTNER)}
    return [
        agreement_of(complete(draft, cards, "0f7c2a52-6a6b-4c0e-9d5c-2b7e8f1a3c4d"))
        for draft in drafts
        if "parties" in draft
    ]


@pytest.mark.parametrize("document", ["README.md", "docs/statistics.md"])
def test_the_example_of_an_agreement_can_be_signed(document: str) -> None:
    (agreement,) = agreements(document)
    assert agreement.aggregate is not None
    columns = {column.name: column for column in agreement.columns}
    for direction in agreement.directions:
        packed = layout(agreement.aggregate, tuple(columns[name] for name in direction.columns), 10**6)
        assert packed.ciphertexts == bool(direction.columns)


def test_the_example_costs_what_the_text_says() -> None:
    (agreement,) = agreements("docs/statistics.md")
    assert agreement.aggregate is not None
    columns = tuple(column.name for column in agreement.columns)
    cost = [
        sum(one.epsilon for one in charges(agreement.aggregate, columns, Operation.AGGREGATE, side, (True, False), 8))
        for side in (False, True)
    ]
    text = " ".join(text_of("docs/statistics.md").split())
    said = re.search(r"costs S ([\d. +]+) = (\d+) a run for all three columns, R (\d+)\.", text)
    assert said is not None
    assert sum(Decimal(part) for part in said[1].split(" + ")) == Decimal(said[2]) == cost[0]
    assert Decimal(said[3]) == cost[1]


# ---- figures -------------------------------------------------------------------------------------------------------


def test_defaults_are_those_of_the_code() -> None:
    said = {row[0].strip("`"): row[1] for row in rows_under("docs/statistics.md", "Terms of the agreement")}
    for name, default in {**DEFAULTS, **COUNTS}.items():
        if name != "measures":
            assert said[name] == str(default), name


def test_dummies_follow_the_formula() -> None:
    rows = [row for row in rows_under("docs/statistics.md", "The accounting") if re.fullmatch(r"[\d.]+", row[0])]
    assert [(row[0], row[1]) for row in rows] == [("1", "14"), ("0.5", "25"), ("0.1", "109")]
    delta = Decimal("0.000001")
    for text, said, dummies, receiver, sender in rows:
        epsilon, t = Decimal(text), int(said)
        q = math.exp(-float(epsilon))
        formula = [(1 - q) * q**n / (1 + q - 2 * q ** (n + 1)) for n in (t - 1, t)]
        assert formula[1] <= float(delta) < formula[0]
        assert float(count_delta(epsilon, t)) == pytest.approx(formula[1])
        assert least_t(epsilon, delta) == t
        assert dummies == str(2 * t)
        count = dummies_spread(epsilon, t)
        assert receiver == f"±{count.half_width(0.95)}"
        assert sender == f"±{(count + laplace_spread(epsilon, 1)).half_width(0.95)}"


def test_bounds_and_losses_make_the_noise_that_the_table_shows() -> None:
    rows = rows_under("docs/statistics.md", "Choosing bounds and ε")[2:]
    assert len(rows) == 4
    for cells in rows:
        most, epsilon, scale, half, *means = (cell.replace(",", "").removeprefix("±") for cell in cells)
        cents = laplace_spread(Decimal(epsilon), int(most) * 100).half_width(0.95)
        assert Decimal(scale) == Decimal(most) / Decimal(epsilon)
        assert Decimal(half) == Decimal(cents) / 100
        assert means == [f"{Decimal(cents) / 100 / people:.2f}" for people in (2000, 200)]


# ---- names ---------------------------------------------------------------------------------------------------------


def test_statistics_names_every_cell_and_every_reason() -> None:
    text = text_of("docs/statistics.md")
    for name in (*CELLS.names, *Shown, *Verdict):
        assert f"`{name}`" in text, name


def test_protocol_names_every_stage_field_and_reason() -> None:
    text = text_of("docs/protocol.md")
    for stage in (*Stage, *AggregateStage):
        assert stage == 0 or f"{stage.value} {stage.name}" in text
    for field in dataclasses.fields(Grouped):
        assert f"`{field.name}`" in text, field.name
    hostile = next(family for family in AssentError.__subclasses__() if family.__name__ == "HostileInput")
    for reason in REFUSAL_CODES | hostile.reasons:
        assert f"`{reason}`" in text, reason
    known = REFUSAL_CODES.union(*(family.reasons for family in AssentError.__subclasses__()))
    reasons = text.split("\n## Reasons\n", 1)[1]
    assert set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", reasons)) <= known


def test_protocol_says_which_stages_a_session_has() -> None:
    text = text_of("docs/protocol.md")
    for operation, width in (("AGGREGATE", 1), ("OVERLAP", 0)):
        (row,) = re.findall(rf"^\| {operation} \| (.*) \|$", text, re.MULTILINE)
        for said, to in zip(row.split(" | "), ((True, False), (True, True), (False, True)), strict=True):
            grouped = Grouped(14, "LAPLACE", "LAPLACE", *to, ciphertexts=width, ciphertext_bytes=768, key_bytes=3456)
            first, _, last = said.partition(" to ")
            numbers = range(int(first), int(last) + 1) if last else map(int, said.split(", "))
            assert [int(size.stage) for size in grouped_stages((100,), 100, grouped)] == list(numbers), (operation, to)


def test_similar_inputs_are_told_apart_as_the_text_says() -> None:
    text = " ".join(text_of("docs/statistics.md").split())
    section = text.split(" ## Inputs that are nearly equal ", 1)[1].split(" ## ", 1)[0]
    assert f"{CELLS_OF_SKETCH} cells" in section
    assert f"differs in 1 to {LEAST_CHANGE - 1}" in section
    flow = (ROOT / "gateway" / "flow").glob("*.py")
    callers = {path.stem for path in flow if "similar_segments(" in path.read_text(encoding="utf-8")} - {"similar"}
    assert callers, "no route compares inputs, and the documents say that one does"


def test_decisions_are_numbered_without_gaps_and_dated() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(len(decisions))]
    for number, path in enumerate(decisions[1:], 1):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {number:04}: ")
        assert re.search(r"^- Status: (?:proposed|accepted|superseded)", text, re.MULTILINE)
        assert re.search(r"^- Date: \d{4}-\d{2}-\d{2}$", text, re.MULTILINE)


@pytest.mark.parametrize("document", READMES)
def test_what_is_said_without_phe_is_what_happens(document: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_phe(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "phe":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_phe)
    with pytest.raises(StateError) as raised:
        paillier.generate(3072)
    (said,) = re.findall(r'"(the package phe[^"]*)"', text_of(document))
    assert " ".join(said.split()) == raised.value.message


def test_identifiers_are_what_the_page_says() -> None:
    page = "docs/identifiers.md"
    forms = [row for row in rows_under(page, "Types and forms") if row[0].startswith("`")]
    assert [row[0].strip("`") for row in forms] == [
        ".".join(filter(None, (type_, form))) for type_, names in FORMS.items() for form in names or ("",)
    ]
    rules = [row for row in rows_under(page, "Rules") if row[0].startswith("`")]
    assert len(rules) > 20
    # Every canonical value is its own canonical value; every rule does what it says.
    for name, raw, expected in [
        *((name, value, value) for name, value, _ in forms if name.split(".")[0] != "`phone"),
        *rules,
    ]:
        key = parse(name.strip("`"))
        values, reasons = normalise(key, pa.array([raw.strip("`")]))
        assert (reasons[0].as_py() or f"`{values[0].as_py()}`") == expected, (name, raw)
    for name, value, _ in forms[:3]:
        values, _ = normalise(parse(name.strip("`")), pa.array(["13912345678"]))
        assert f"`{values[0].as_py()}`" == value
    said = [row[0] for row in rows_under(page, "Reasons")[2:]]
    assert said == list(RejectReason)
    assert f"{MAX_CELL:,} bytes" in text_of(page)
    assert set(re.findall(r"`\.([a-z0-9_]+)`", text_of(page))) == set(DIGEST_HEX_LENGTH)
    types = text_of(page).split(" Types\nare ", 1)[1].split(".\n", 1)[0]
    assert set(re.findall(r"`([a-z_]+)`", types)) - {"default_region"} == set(TYPES)
