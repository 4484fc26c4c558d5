"""The starter library, whole and in a data folder of its own, for rows that are about it."""

import math

from pydantic import SecretStr

from agent.assistant import Assistant
from agent.build import Progress, open_assistant
from agent.settings import Settings
from tools.starter import fill_starter_library

FOLDER = "eval-starter"  # below the data folder; the user's own library is not touched


def starter_settings(settings: Settings) -> Settings:
    """The same, with an embedded database of its own."""
    own = {
        "data_dir": settings.data_folder() / FOLDER,
        "database_url": SecretStr(""),
        "starter_library": True,
    }
    return settings.model_copy(update=own)


def open_starter_assistant(settings: Settings, progress: Progress) -> Assistant:
    """The assistant on the whole starter library: an assistant's own start may leave some out."""
    assistant = open_assistant(settings, progress=progress)
    try:
        folder = settings.data_folder() / "starter"
        fill_starter_library(
            assistant.store, assistant.model, assistant.encoder, folder, progress, patience=math.inf
        )
    except BaseException:
        assistant.close()
        raise
    return assistant
