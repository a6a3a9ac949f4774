"""What the documents say of the code is so."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

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
LINKED = [
    (document.name, target)
    for document in ROOT.glob("*.md")
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8"))
]


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
    assert ROOT.joinpath(target).exists()


def test_the_rooms_of_the_architecture_exist():
    table = ROOT.joinpath("ARCHITECTURE.md").read_text("utf-8")
    for names in re.findall(r"^\| `qkdlab/([^`]+)`", table, re.MULTILINE):
        for name in names.split(", "):
            assert find_spec(f"qkdlab.{name}") is not None, name
