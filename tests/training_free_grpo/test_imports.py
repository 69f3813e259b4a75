import sys
from pathlib import Path

import pytest

from training_free_grpo.imports import ImportNameError, load_object


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, and forget afterwards that modules were imported from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.py").write_text(text, "utf-8")


def test_an_object_is_found_in_an_installed_module() -> None:
    assert load_object("json:dumps", "--agent") is sys.modules["json"].dumps


def test_an_object_is_found_in_the_current_folder(here: Path) -> None:
    write(here, "own_agent_found", "agent = 'mine'\n")
    assert load_object("own_agent_found:agent", "--agent") == "mine"


def test_an_object_is_found_in_a_package_of_the_current_folder(here: Path) -> None:
    (here / "own_package").mkdir()
    write(here / "own_package", "part", "class Kit:\n    tool = 'deep'\n")
    assert load_object("own_package.part:Kit.tool", "--agent") == "deep"


@pytest.mark.parametrize("name", ["", ":", "json", "json:", ":dumps", "json.dumps"])
def test_a_name_of_another_form_is_refused_with_the_right_one(name: str) -> None:
    with pytest.raises(ImportNameError, match=r"--agent .* is not of the form module:attr"):
        load_object(name, "--agent")


def test_an_absent_module_is_named(here: Path) -> None:
    with pytest.raises(ImportNameError, match=r"--grader 'no_such_module:x'.*'no_such_module'"):
        load_object("no_such_module:x", "--grader")


def test_a_module_that_an_own_module_misses_is_named(here: Path) -> None:
    write(here, "own_agent_missing", "import no_such_module_inside\n")
    with pytest.raises(ImportNameError, match="no_such_module_inside"):
        load_object("own_agent_missing:agent", "--agent")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("own_agent_raises", "raise KeyError('a key')\n", "KeyError: 'a key'"),
        ("own_agent_syntax", "agent = (\n", "SyntaxError"),
        ("own_agent_import", "from json import nothing_there\n", "ImportError"),
    ],
)
def test_a_module_that_fails_is_named_with_its_error(
    here: Path, name: str, text: str, said: str
) -> None:
    write(here, name, text)
    with pytest.raises(ImportNameError, match=f"importing '{name}' failed: {said}"):
        load_object(f"{name}:agent", "--agent")


def test_an_absent_attribute_is_named_with_those_that_are_there(here: Path) -> None:
    write(here, "own_agent_names", "one = two = 1\n_hidden = 2\n")
    with pytest.raises(ImportNameError, match=r"'agent'.* one, two$"):
        load_object("own_agent_names:agent", "--agent")


def test_a_module_with_nothing_in_it_says_so(here: Path) -> None:
    write(here, "own_agent_empty", "")
    with pytest.raises(ImportNameError, match="nothing"):
        load_object("own_agent_empty:agent", "--agent")
