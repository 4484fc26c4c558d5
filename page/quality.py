"""The key measures of this installation, as `cytoscribe report` writes them."""

from typing import TYPE_CHECKING

import streamlit as st

from tools.errors import StoreUnavailableError

if TYPE_CHECKING:
    from agent.assistant import Assistant
    from eval.quality.report import Report

SECONDS_KEPT = 60


def draw(assistant: "Assistant") -> None:
    """The report of now (of a minute ago at most), with the same page to keep."""
    from eval.document import fragment, page
    from eval.quality.page import TITLE, parts

    try:
        found = list(parts(_gather(assistant)))
    except StoreUnavailableError:
        st.title(TITLE)
        st.warning("The database cannot be reached right now.")
        return
    st.title(TITLE)
    st.download_button("Save this page", page(TITLE, found), "report.html", "text/html")
    st.html(fragment(found))


@st.cache_data(ttl=SECONDS_KEPT, show_spinner="Reading the turns")
def _gather(_assistant: "Assistant") -> "Report":
    from eval.quality.cost import prices_of
    from eval.quality.report import gather, results_folder

    settings, store = _assistant.settings, _assistant.store
    return gather(
        store.turns_with_feedback(), results_folder(settings), prices_of(settings),
        tokens=store.tokens(), remarks=store.remarks(),
    )  # fmt: skip
