"""Settings: read once, explained in words, and never leaking a secret."""

from pathlib import Path

import pytest

from agent.options import example, options
from agent.settings import Settings, load_settings
from tools.errors import BadInputError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """A working folder without anybody's .env."""
    monkeypatch.chdir(tmp_path)


def option(name):
    return next(o for o in options(load_settings()) if o.name == name)


def test_the_example_file_says_what_the_fields_say():
    assert (ROOT / ".env.example").read_text() == example(), "make it anew, see CONTRIBUTING.md"


def test_every_option_has_a_meaning():
    assert all(field.description for field in Settings.model_fields.values())


def test_an_option_says_where_its_value_came_from(tmp_path, monkeypatch):
    assert option("port").source == "default"
    (tmp_path / ".env").write_text("CYTOSCRIBE_PORT=8600\n")
    assert (option("port").value, option("port").source) == ("8600", ".env")
    monkeypatch.setenv("CYTOSCRIBE_PORT", "8700")
    assert (option("port").value, option("port").source) == ("8700", "environment")


def test_an_empty_variable_is_an_unset_one(monkeypatch):
    monkeypatch.setenv("CYTOSCRIBE_PORT", "")
    assert (option("port").value, option("port").source) == ("8501", "default")


def test_langfuse_is_set_by_its_own_variable_names(monkeypatch):
    monkeypatch.setenv("LANGFUSE_PUBLIC_KEY", "pk-1")
    assert option("langfuse_public_key").variable == "LANGFUSE_PUBLIC_KEY"
    assert load_settings().langfuse_public_key == "pk-1"


@pytest.mark.parametrize("name", ["database_url", "langfuse_secret_key", "text_model_key"])
def test_a_secret_is_masked(name):
    shown = next(o for o in options(load_settings(**{name: "hush"})) if o.name == name)
    assert "hush" not in shown.value and shown.value


def test_a_wrong_value_is_named_with_its_variable(monkeypatch):
    monkeypatch.setenv("CYTOSCRIBE_PORT", "abc")
    with pytest.raises(BadInputError, match="CYTOSCRIBE_PORT='abc'"):
        load_settings()


def test_what_a_command_is_given_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("CYTOSCRIBE_PORT", "8700")
    assert load_settings(port=9000).port == 9000 and load_settings(port=None).port == 8700
