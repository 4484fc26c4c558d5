"""The chat page: it renders and asks, nothing else (the pieces are in `page/`).

`cytoscribe chat` serves it; `streamlit run streamlit_app.py` does the same without our settings for
address and port.
"""

from page import chat, start


def main() -> None:
    """The whole page, drawn anew at every click."""
    chat.dress()
    chat.chat(start.assistant())


if __name__ == "__main__":
    main()
