"""The one assistant behind every tab: opened in the background at the first visit.

It shows what the start is doing, and the reason with a way to go on when it fails.
"""

import atexit
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import streamlit as st

from agent.settings import load_settings
from page.background import Job
from page.text import plain
from tools.errors import CytoscribeError

if TYPE_CHECKING:
    from agent.assistant import Assistant


def _open(publish: Callable[[str], None], _: Callable[[], bool]) -> "Assistant":
    publish("Loading the program")
    from agent.build import open_assistant  # heavy: torch, transformers, llama_index

    assistant = open_assistant(load_settings(), progress=publish)
    atexit.register(assistant.close)
    return assistant


@st.cache_resource(show_spinner=False)
def _starting() -> "Job[str, Assistant]":
    return Job(_open)


def assistant() -> "Assistant":
    """The assistant, once it is ready; stops the script with a message when it cannot be."""
    job = _starting()
    if not job.done:
        _show_progress(job)
    try:
        return job.result()
    except BaseException as error:
        _starting.clear()  # the next run of the script starts anew
        if not isinstance(error, CytoscribeError):
            raise
        _refuse(error)


def _refuse(error: CytoscribeError) -> NoReturn:
    st.error(f"Cytoscribe could not start. {plain(str(error))}")
    st.button("Try again")  # any click runs the script
    st.stop()


def _show_progress(job: "Job[str, Assistant]") -> None:
    place = st.empty()
    with place.status("Getting ready; the first start takes about a minute…", expanded=True):
        line, last = st.empty(), ""
        for message in job.follow():
            if message and message != last:
                line.write(plain(message))
                last = message
    place.empty()
