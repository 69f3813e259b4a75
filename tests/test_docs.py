"""The pages: the site is built strictly, and what the pages show runs as it stands.

A page is a session: its ```python blocks share their names, those with a title are written to that
file, and the commands of its ```console blocks are run, all in one empty folder. Lines below a
command are what it prints; `…` stands for anything. `openai:` models are played by the stand-in.
"""

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.standin import StandIn
from training_free_grpo.cli import main
from training_free_grpo.cli.app import load_commands
from training_free_grpo.settings import PRESETS, Settings

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
PAGES_THAT_RUN = ("index.md", "tutorial.md", "application.md")
SESSIONS = [*(DOCS / page for page in PAGES_THAT_RUN), *sorted((DOCS / "how-to").glob("*.md"))]
BLOCK = re.compile(
    r"(?P<needs><!-- needs: [^>]+ -->\n+)?^``` *(?P<language>\w*) *(?P<title>title=\"[^\"]+\")?\n"
    r"(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of code of a page."""

    language: str
    text: str
    file: str
    """Where the reader is asked to put it; empty for a block to be run."""
    needs: bool
    """Whether it takes what no test has, as the page says in a comment ahead of it."""


@cache
def blocks(page: Path) -> list[Block]:
    found = BLOCK.finditer(page.read_text("utf-8"))
    return [
        Block(m["language"], m["text"], (m["title"] or "")[7:-1], bool(m["needs"])) for m in found
    ]


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Give each command of a console block, with what it prints."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.replace("\\\n", "").partition("\n")
        yield command, output


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning fails it."""
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict"]
    done = subprocess.run(
        [*build, "--site-dir", folder], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    fetched = re.compile(r"<(?:script|img|iframe)[^>]+src=\"?https?:|<link[^>]+href=\"?https?:")
    assert not [page for page in site.rglob("*.html") if fetched.search(page.read_text("utf-8"))]


def test_site_describes_every_setting_preset_and_command(site: Path) -> None:
    reference = site / "reference"
    settings = (reference / "settings.html").read_text("utf-8")
    shown = (reference / "commands.html").read_text("utf-8")
    for expected in (*Settings.model_fields, *PRESETS):
        assert f"<code>{expected}</code>" in settings
    for expected in find_commands():
        assert f">{expected}<" in shown


def test_site_labels_the_cells_of_tables_of_texts_alone(site: Path) -> None:
    settings = (site / "reference" / "settings.html").read_text("utf-8")
    assert re.search(r'<td data-label="default"><code>5</code></td>', settings)
    tables = re.findall(r"<table.*?</table>", (site / "evaluation.html").read_text("utf-8"), re.S)
    numbers = [table for table in tables if "text-align: right" in table]
    assert numbers
    assert not [table for table in numbers if "data-label" in table]


def test_site_has_the_pages_that_lie_beside_the_package(site: Path) -> None:
    for page in ("CHANGELOG.md", "CONTRIBUTING.md"):
        title = (ROOT / page).read_text("utf-8").partition("\n")[0].removeprefix("# ")
        assert f">{title}<" in (site / page.lower().replace(".md", ".html")).read_text("utf-8")


@pytest.mark.parametrize("page", SESSIONS, ids=name)
def test_page_runs_as_written(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    names: dict[str, Any] = {}
    with StandIn(tool_share=0.3) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        for block in blocks(page):
            if block.file:
                Path(block.file).write_text(block.text, "utf-8")
            elif block.needs:
                continue
            elif block.language == "python":
                exec(compile(block.text, page.name, "exec"), names)
            elif block.language == "console":
                for command, output in commands(block):
                    check_output(command, run(command), output)


def run(command: str) -> str:
    """Run a command in this folder; it ends with 0, or as a comment behind it says.

    Ours run in this process, which saves the imports, unless an agent of the reader's takes part:
    its connections last as long as its process.
    """
    line, _, code = command.partition("  # ends with ")
    if line.startswith("tfgrpo ") and " --agent " not in line:
        result = CliRunner().invoke(main, shlex.split(line)[1:])
        ended, printed = result.exit_code, result.output
    else:
        done = subprocess.run(line, shell=True, stdout=PIPE, stderr=STDOUT, text=True, check=False)
        ended, printed = done.returncode, done.stdout
    assert ended == int(code or 0), f"{command}\n{printed}"
    return printed


def check_output(command: str, printed: str, expected: str) -> None:
    """Compare what a command prints with what the page says; nothing there says nothing."""
    if not expected.strip():
        return
    pattern = ".*?".join(map(re.escape, expected.strip().split("…")))
    assert re.fullmatch(pattern, printed.strip(), re.DOTALL), f"{command}\n{printed}"


PYTHON = [
    pytest.param(block, id=f"{name(page)}-{number}")
    for page in (ROOT / "README.md", *PAGES)
    for number, block in enumerate(blocks(page))
    if block.language == "python"
]


@pytest.mark.parametrize("block", PYTHON)
def test_block_compiles_and_imports_what_there_is(block: Block) -> None:
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("training_free_grpo"):
            module = import_module(str(node.module))
            assert not [alias.name for alias in node.names if not hasattr(module, alias.name)]


@cache
def find_commands() -> dict[str, set[str]]:
    """Return every command of ours and its options."""
    found = {}
    waiting: list[tuple[str, Any]] = [("tfgrpo", load_commands())]
    for line, command in waiting:
        inner = getattr(command, "commands", {})
        waiting += [(f"{line} {each}", inner[each]) for each in inner]
        if not inner:
            found[line] = {"--help", *(opt for each in command.params for opt in each.opts)}
    return found


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=name)
def test_commands_that_a_page_names_have_these_options(page: Path) -> None:
    text = page.read_text("utf-8").replace("\\\n", "")
    known = find_commands()
    for line in re.findall(r"^(?:\$ )?(tfgrpo [a-z].*)$", text, re.MULTILINE):
        told = next((each for each in sorted(known, reverse=True) if line.startswith(each)), None)
        assert told, f"there is no such command: {line}"
        options = set(re.findall(r"(?<=\s)--[a-z][a-z-]*", line.partition(" # ")[0]))
        assert options <= known[told], line
