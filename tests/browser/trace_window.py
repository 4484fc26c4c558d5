"""The Traces page as a reader has it before them."""

from dataclasses import dataclass

from chat_window import ChatWindow
from selenium.webdriver.common.by import By

READY = '[data-testid=stApp][data-test-script-state="notRunning"] table.trace'


@dataclass(frozen=True)
class Row:
    """An observation as it is drawn."""

    name: str
    kind: str
    tokens: str
    ms: float
    depth: float  # pixels of indentation


class TraceWindow:
    """The tab of a chat, on the Traces page."""

    def __init__(self, chat: ChatWindow) -> None:
        self.chat, self.driver = chat, chat.driver

    def open(self, trace_id: str | None = None) -> None:
        """Go to a trace, by default to the newest."""
        named = f"?trace={trace_id}" if trace_id else ""
        self.driver.get(f"{self.chat.url}/traces{named}")
        self.chat.until(lambda d: d.find_elements(By.CSS_SELECTOR, READY))

    def rows(self) -> list[Row]:
        return [self._row(row) for row in self._all("table.trace tbody tr")]

    def about(self) -> str:
        return self._text(".trace-about")

    def answer(self) -> str:
        return self._text(".answer")

    def evidence_titles(self) -> list[str]:
        return [e.text for e in self._all("[data-testid=stExpander] summary")]

    def linked(self) -> str:
        """The trace that the newest answer of the chat leads to."""
        link = self._all("a.trace-link")[-1].get_attribute("href")
        return str(link).rpartition("trace=")[2]

    def _row(self, row) -> Row:
        cells = row.find_elements(By.TAG_NAME, "td")
        name = cells[0].find_element(By.TAG_NAME, "summary").get_attribute("textContent")
        texts = [str(cell.get_attribute("textContent")) for cell in cells]
        depth = cells[0].value_of_css_property("padding-left").removesuffix("px")
        ms = float(texts[3].replace(",", ""))
        return Row(str(name).split()[0], texts[1], texts[2], ms, float(depth))

    def _text(self, selector: str) -> str:
        return str(self._all(selector)[0].get_attribute("textContent"))

    def _all(self, selector: str) -> list:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)
