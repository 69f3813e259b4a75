import ast
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from training_free_grpo.settings import PRESETS, Settings, SettingsError


def test_an_unknown_setting_is_refused_with_the_names_of_the_known_ones() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({"batchsize": 3})
    assert "'batchsize', did you mean 'batch_size'?" in str(caught.value)
    assert all(name in str(caught.value) for name in Settings.model_fields)


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({"epochs": 0, "colour": "red", "ground_truth": "maybe"})
    assert all(name in str(caught.value) for name in ("epochs", "colour", "ground_truth"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", ""),
        ("epochs", 0),
        ("epochs", 1.5),
        ("epochs", None),
        ("batch_size", 0),
        ("group_size", 0),
        ("group_size", 257),
        ("seed", -1),
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("temperature", float("nan")),
        ("evaluation_temperature", 3),
        ("reflection_temperature", -1),
        ("concurrency", 0),
        ("call_timeout", 0),
        ("rollout_timeout", float("nan")),
        ("max_retries", -1),
        ("max_turns", 0),
        ("max_operations", 0),
        ("max_lesson_words", 3),
        ("trajectory_tokens", 199),
        ("attempts", 0),
        ("ground_truth", "hidden"),
        ("structured_output", "xml"),
        ("shuffle", "perhaps"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=f"setting '{name}' is"):
        Settings.read({name: value})


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().epochs = 5  # type: ignore[misc]


def test_equal_settings_are_one_key() -> None:
    assert len({Settings(), Settings(), Settings(epochs=4)}) == 2


def test_the_defaults_are_the_papers() -> None:
    settings = Settings()
    assert (settings.epochs, settings.batch_size, settings.group_size) == (3, 100, 5)
    assert (settings.temperature, settings.evaluation_temperature) == (0.7, 0.3)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid(name: str) -> None:
    assert Settings.read(PRESETS[name]).model_dump() == Settings().model_dump() | PRESETS[name]


def test_the_presets_are_those_of_the_contract() -> None:
    assert list(PRESETS) == ["paper-math", "paper-web", "reference-math", "quick"]


@pytest.mark.parametrize("options", [{}, *PRESETS.values(), {"base_url": "http://localhost/v1"}])
def test_what_was_changed_makes_the_same_settings_again(options: dict[str, Any]) -> None:
    settings = Settings.read(options)
    assert Settings.read(json.loads(json.dumps(settings.changed()))) == settings


def test_only_what_differs_from_the_defaults_was_changed() -> None:
    assert Settings(epochs=3, seed=1).changed() == {"seed": 1}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_describes_itself_in_the_schema(name: str) -> None:
    described = Settings.model_json_schema()["properties"][name].get("description", "")
    assert described.endswith(".")


def test_every_default_is_named_as_type_checkers_without_a_plugin_read_it() -> None:
    # They take a setting for required whose default is given to Field by position.
    calls = list(ast.walk(ast.parse(inspect.getsource(Settings))))
    fields = [c for c in calls if isinstance(c, ast.Call) and ast.unparse(c.func) == "Field"]
    assert len(fields) > 20
    assert not [ast.unparse(field) for field in fields if field.args]


def test_no_setting_holds_a_secret() -> None:
    secret = ("key", "secret", "password")
    assert not [name for name in Settings.model_fields if any(word in name for word in secret)]


def test_a_toml_file_gives_options(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('epochs = 2\nground_truth = "withheld"\nshuffle = false\n', "utf-8")
    settings = Settings.read(Settings.read_file(file))
    assert settings.changed() == {"epochs": 2, "ground_truth": "withheld", "shuffle": False}


def test_an_unknown_name_in_a_toml_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("[model]\nname = 3\n[extra]\n", "utf-8")
    with pytest.raises(SettingsError, match="unknown setting 'extra'"):
        Settings.read(Settings.read_file(tmp_path / "run.toml"))


@pytest.mark.parametrize(
    "content",
    [
        b"epochs = ",
        b"epochs: 2",
        b'model = "caf\xe9"',
    ],
)
def test_a_file_that_is_not_toml_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"run\.toml"):
        Settings.read_file(tmp_path / "run.toml")


def test_an_absent_settings_file_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        Settings.read_file(tmp_path / "absent.toml")
