"""The app's pages: it renders and asks, nothing else (the pieces are in `page/`).

`cytoscribe chat` serves it; `streamlit run streamlit_app.py` does the same without our settings for
address and port.
"""

import streamlit as st

from page import chat, quality, start, traces


def _chat() -> None:
    chat.chat(start.assistant())


def _quality() -> None:
    quality.draw(start.assistant())


def _traces() -> None:
    traces.draw(start.assistant())


def main() -> None:
    """The page of the address, drawn anew at every click."""
    chat.dress()
    pages = (
        st.Page(_chat, title="Chat", icon=":material/chat:", default=True),
        st.Page(_traces, title="Traces", icon=":material/account_tree:", url_path="traces"),
        st.Page(_quality, title="Quality", icon=":material/monitoring:", url_path="quality"),
    )
    st.navigation(pages, position="top").run()


if __name__ == "__main__":
    main()
