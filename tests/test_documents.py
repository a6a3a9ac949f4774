"""What the documents say of the code is so."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import qkdlab
import qkdlab_configs
from qkdlab.cli.main import main
from qkdlab.plugins import driver_specs

ROOT = Path(__file__).parents[1]
README = ROOT.joinpath("README.md").read_text("utf-8")
COMMANDS = {
    line.split()[1]: set(re.findall(r"--\w+", line))
    for line in README.splitlines()
    if line.startswith("qkdlab ")
}
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
LINKED = [
    (document, target)
    for document in DOCUMENTS
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8"))
]
SHOWN = [
    line.removeprefix("$ ")
    for document in DOCUMENTS
    for line in document.read_text("utf-8").splitlines()
    if line.startswith("$ qkdlab ")
]
CODE = [
    block
    for document in DOCUMENTS
    for block in re.findall(
        r"^```python\n(.*?)^```", document.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
]


@pytest.mark.parametrize("block", CODE)
def test_code_that_a_document_shows_runs(block, capsys):
    exec(compile(block, "document", "exec"), {})
    assert capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_gives_a_commands_options(command, capsys):
    assert main([command, "--help"]) == 0
    known = set(re.findall(r"^ +(--\w+)", capsys.readouterr().out, re.MULTILINE))
    assert COMMANDS[command] == known - {"--help"}


def test_the_readme_gives_all_commands(capsys):
    main(["--help"])
    listed = capsys.readouterr().out.partition("Commands:")[2]
    assert set(COMMANDS) == set(re.findall(r"^  (\w+)  ", listed, re.MULTILINE))


def test_the_readme_gives_all_packaged_configurations():
    folder = Path(qkdlab_configs.__file__).parent
    names = {path.stem for path in folder.glob("*.yaml")}
    assert names <= set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE))


def test_the_readme_gives_all_drivers():
    # the suite's own bench stays installed once a test has used it
    names = {name for name in driver_specs() if not name.startswith("quick.")}
    assert names <= set(re.findall(r"`([\w.]+)`", README))


@pytest.mark.parametrize(("document", "target"), LINKED)
def test_a_linked_file_is_there(document, target):
    assert document.parent.joinpath(target).exists()


def test_the_index_of_decisions_has_each_once():
    folder = ROOT / "docs" / "adr"
    index = folder.joinpath("README.md").read_text("utf-8")
    linked = re.findall(r"\]\((\d{4}-[^)]+)\)", index)
    assert linked == sorted(path.name for path in folder.glob("0*.md"))
    assert len({name[:4] for name in linked}) == len(linked)


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_that_a_document_shows_exists_with_its_options(line):
    assert set(re.findall(r"--\w+", line)) <= COMMANDS[line.split()[1]]


def test_the_rooms_of_the_architecture_exist():
    table = ROOT.joinpath("ARCHITECTURE.md").read_text("utf-8")
    for names in re.findall(r"^\| `qkdlab/([^`]+)`", table, re.MULTILINE):
        for name in names.split(", "):
            assert find_spec(f"qkdlab.{name}") is not None, name


def test_every_room_is_in_the_architecture():
    table = ROOT.joinpath("ARCHITECTURE.md").read_text("utf-8")
    rows = re.findall(r"^\| `qkdlab/([^`]+)`", table, re.MULTILINE)
    told = {name for row in rows for name in row.split(", ")}
    rooms = {path.stem for path in Path(qkdlab.__file__).parent.iterdir()}
    assert {room for room in rooms if not room.startswith(("_", "py"))} == told


@pytest.mark.parametrize("room", sorted({*re.findall(
    r"`((?:timetags|link|session|station|runfile|distill|security)\.\w+)`",
    "".join(document.read_text("utf-8") for document in DOCUMENTS),
)}))  # fmt: skip
def test_a_module_that_a_document_names_exists(room):
    assert find_spec(f"qkdlab.{room}") is not None
