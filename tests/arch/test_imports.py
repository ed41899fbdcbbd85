"""What import-linter cannot say. Its contracts are in .importlinter and run in `make check`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.arch.source_tree import ROOT, modules


def _foreign(package: str, allowed: frozenset[str]) -> list[str]:
    return [
        f"{module.path} imports {name}"
        for module in modules(package)
        for name in module.imports()
        if name.partition(".")[0] not in allowed
    ]


def test_consent_is_standard_library_only() -> None:
    assert modules("consent")
    assert not _foreign("consent", sys.stdlib_module_names | {"consent"})


def test_verify_imports_nothing_of_the_server() -> None:
    found = modules("verify")
    assert found
    assert not [
        f"{module.path} imports {name}"
        for module in found
        for name in module.imports()
        if name.partition(".")[0] in ("consent", "gateway")
    ]


def test_only_the_kernel_imports_the_native_module() -> None:
    importers = {
        module.path
        for module in modules()
        for name in module.imports()
        if "_native" in name.split(".") and not module.path.startswith("gateway/kernel/")
    }
    assert not importers


def test_phe_stays_in_one_room() -> None:
    """It is GPLv3; what it touches should be easy to see, and to leave out."""
    importers = {module.path for module in modules() for name in module.imports() if name.partition(".")[0] == "phe"}
    assert importers
    assert not {path for path in importers if not path.startswith("gateway/he/")}


def test_what_starts_a_worker_is_standard_library_only() -> None:
    (spawned,) = (module for module in modules() if module.path == "gateway/engine/spawned.py")
    assert {name.partition(".")[0] for name in spawned.imports()} <= sys.stdlib_module_names


def test_a_worker_loads_no_server() -> None:
    """All of gateway.he, as a worker process would import it: no server, no database, no library too early."""
    found = [module.path for module in modules() if module.path.startswith("gateway/he/")]
    names = sorted(path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in found)
    assert len(names) > 1
    program = f"import json, sys\nimport {', '.join(names)}\nprint(json.dumps(list(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
    loaded = set(json.loads(ran.stdout))
    rooms = {name.split(".")[1] for name in loaded if name.startswith("gateway.")}
    assert rooms <= {"errors", "he", "kernel", "route"}
    assert not {"grpc", "google", "sqlalchemy", "sqlite3", "pydantic", "structlog", "phe", "opendp", "scipy"} & loaded


def test_peer_package_is_empty_so_that_importing_its_stubs_imports_nothing_else() -> None:
    assert (ROOT / "gateway/peer/__init__.py").read_text(encoding="utf-8") == ""


def test_layers_name_every_room_of_the_gateway() -> None:
    """A room in parentheses that stands must lose them; import-linter itself would let it be."""
    contracts = (ROOT / ".importlinter").read_text(encoding="utf-8")
    standing = {module.path.split("/")[1] for module in modules("gateway") if module.path.count("/") > 1}
    assert not [room for room in standing if f"({room})" in contracts]
