"""The options in words: value, source and meaning of each field of the settings.

What `cytoscribe settings` prints and `.env.example` says. A secret's value never leaves here.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args, get_origin

from dotenv import dotenv_values
from pydantic.fields import FieldInfo

from agent.settings import Settings, variables

Source = Literal["default", "environment", ".env"]


@dataclass(frozen=True)
class Option:
    """One option as it stands."""

    name: str  # "port"
    variable: str  # "CYTOSCRIBE_PORT"
    value: str  # a secret is masked; unset is ""
    source: Source
    meaning: str


def options(settings: Settings) -> Iterator[Option]:
    """Every option, in the order of the fields."""
    places = {"environment": _set_in(os.environ), ".env": _set_in(dotenv_values(".env"))}
    for name, field in Settings.model_fields.items():
        variable, source = _origin(name, places)
        value = getattr(settings, name)
        yield Option(name, variable, "" if value is None else str(value), source, _meaning(field))


def example() -> str:
    """The text of `.env.example`: every option with its default, commented out."""
    blocks = [
        f"# {_meaning(field)}\n# {variables(name)[0]}={_default(field)}\n"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["# Copy to .env and uncomment what you change.\n", *blocks])


def _set_in(place: Mapping[str, str | None]) -> set[str]:
    return {name.upper() for name, value in place.items() if value}


def _origin(name: str, places: Mapping[str, set[str]]) -> tuple[str, Source]:
    """The variable an option was read from, the environment before `.env`."""
    if set_here := [v for v in variables(name) if v in places["environment"]]:
        return set_here[0], "environment"
    if set_here := [v for v in variables(name) if v in places[".env"]]:
        return set_here[0], ".env"
    return variables(name)[0], "default"


def _meaning(field: FieldInfo) -> str:
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return (
        f"{field.description} One of {', '.join(choices)}." if choices else f"{field.description}"
    )


def _default(field: FieldInfo) -> str:
    """The default; left out where it is nothing, or a folder that differs between machines."""
    written = str(field.default)
    folder = isinstance(field.default, Path) or Path(written).is_absolute()
    return "" if field.default is None or folder else written
