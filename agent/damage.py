"""What goes wrong in a folder of weights: one error that names it, without library noise."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers.utils import logging

from tools.errors import ModelUnavailableError


@contextmanager
def damage_named(folder: Path) -> Iterator[None]:
    """Raises ModelUnavailableError for whatever a damaged or foreign file makes a reader raise."""
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, UserWarning) as error:
        raise ModelUnavailableError(
            f"{folder} cannot be loaded: {first_line(error)}; copy or download it again"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' notes and bars off the user's terminal; what matters is checked here."""
    transformers_logging: Any = logging
    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


def first_line(error: BaseException) -> str:
    """The first line that says something."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
