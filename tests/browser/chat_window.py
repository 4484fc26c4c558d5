"""The chat page as a user has it before them: ask, wait, read. No sleeps, only waits."""

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
OUTCOMES = ".answer:is(.grounded, .abstained, .failed), [data-testid=stChatMessage] .stAlert"
READY = '[data-testid=stApp][data-test-script-state="notRunning"] [data-testid=stChatInput]'


def installed() -> tuple[str, str] | None:
    """Chromium and its driver, or None."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


@contextmanager
def chromium(width: int = 1280, height: int = 900) -> Iterator[WebDriver]:
    """A browser whose view is `width` x `height` pixels, with a profile of its own."""
    found = installed()
    if found is None:
        raise RuntimeError("Chromium and chromedriver are needed: apt-get install chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    profile = tempfile.mkdtemp(prefix="cyto-chromium-")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(found[1]))
    try:
        view = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", view)
        yield driver
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)


class ChatWindow:
    """A tab with the chat page in it."""

    def __init__(self, driver: WebDriver, url: str, seconds: float = 120) -> None:
        self.driver, self.url, self.seconds = driver, url, seconds

    def until(self, true: Callable[[WebDriver], object], seconds: float | None = None) -> None:
        patience = seconds or self.seconds
        redrawn = [StaleElementReferenceException]  # between finding an element and reading it
        WebDriverWait(self.driver, patience, 0.1, ignored_exceptions=redrawn).until(true)

    def open(self, session: str | None = None) -> "ChatWindow":
        """Go to a session, by default to a new one, and wait until it can be asked."""
        self.driver.get(f"{self.url}/?session={session or uuid.uuid4().hex}")
        self.wait_until_ready()
        return self

    def reload(self) -> None:
        self.driver.refresh()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        self.until(lambda d: d.find_elements(By.CSS_SELECTOR, READY))

    def send(self, question: str, *files: Path) -> None:
        """Type a question, attach files and press Send."""
        if files:
            paths = "\n".join(str(file) for file in files)
            self._one("[data-testid=stChatInput] input[type=file]").send_keys(paths)
            chips = "[data-testid=stFileChip]"
            self.until(lambda d: len(d.find_elements(By.CSS_SELECTOR, chips)) == len(files))
        self._one("[data-testid=stChatInput] textarea").send_keys(question)
        self._press_when_enabled("[data-testid=stChatInputSubmitButton]")

    def ask(self, question: str, *files: Path) -> str:
        """Send, and wait for the answer or the refusal; returns its text."""
        with self.next_outcome():
            self.send(question, *files)
        return self.outcome()

    @contextmanager
    def next_outcome(self) -> Iterator[None]:
        """What is done inside leads to another answer or refusal, waited for.

        It may take the place of an earlier one, so their number says nothing.
        """
        before = self.outcomes()
        yield
        self.until(lambda _: self._all(READY) and self.outcomes() not in (before, []))

    def outcomes(self) -> list[str]:
        """All answers and refusals so far."""
        return [self._text(outcome) for outcome in self._all(OUTCOMES)]

    def outcome(self) -> str:
        """The last answer or refusal."""
        return self._text(self._all(OUTCOMES)[-1])

    def press(self, label: str) -> None:
        """Press the button with that label."""
        button = f"//button[normalize-space()={label!r}]"
        self.until(lambda d: d.find_elements(By.XPATH, button))
        self.driver.execute_script("arguments[0].click()", self._xpath(button)[-1])

    def follow_link(self, label: str) -> None:
        """Go to another page of the app by its name at the top."""
        link = f"//a[normalize-space(.)={label!r} or .//*[normalize-space()={label!r}]]"
        self.until(lambda _: self._xpath(link))
        self.driver.execute_script("arguments[0].click()", self._xpath(link)[0])

    def findings(self) -> dict[str, str]:
        """Finding -> value, of the last answer."""
        return {name: value for name, value, _, _ in self._rows()}

    def origins(self) -> dict[str, tuple[str, str]]:
        """Finding -> its probability and origin, of the last answer."""
        return {name: (probability, origin) for name, _, probability, origin in self._rows()}

    def _rows(self) -> list[list[str]]:
        rows = self._in_last("table.findings tbody tr")
        return [[self._text(c) for c in row.find_elements(By.TAG_NAME, "td")] for row in rows]

    def cases(self) -> list[str]:
        """The captions of the similar cases of the last answer."""
        return [self._text(case) for case in self._in_last(".gallery figcaption")]

    def pmids(self) -> list[str]:
        """The PMIDs that the last answer's passages link to."""
        links = self._in_last(".passages a[href^='https://pubmed.ncbi.nlm.nih.gov/']")
        return [link.get_attribute("href").rstrip("/").split("/")[-1] for link in links]

    def rate(self, *, up: bool, comment: str, role: str) -> None:
        """Give the last answer a thumb and a comment, and wait for the thank-you."""
        thumbs = "[data-testid=stFeedbackButton]"
        self.until(lambda _: self._all(thumbs))
        self._all(thumbs)[-2 if up else -1].click()
        self.fill("Comment (optional)", comment)
        self.fill("Your role (optional)", role, 0)
        self.press("Send feedback")
        self.until(lambda _: "Thank you" in self.page_text())

    def unfold(self, title: str) -> None:
        """Open the last part of the page that is folded under that title."""
        summary = f"//summary[contains(normalize-space(), {title!r})]"
        self.until(lambda _: self._xpath(summary))
        self.driver.execute_script("arguments[0].click()", self._xpath(summary)[-1])

    def mark(self, finding: str, mark: str) -> None:
        """Press the mark beside a finding that is under review."""
        marks = (
            f"//div[@role='radiogroup' and starts-with(@aria-label, '{finding}:')]"
            f"//button[normalize-space()={mark!r}]"
        )
        self.until(lambda _: self._xpath(marks))
        self.driver.execute_script("arguments[0].click()", self._xpath(marks)[-1])

    def choose(self, label: str, option: str) -> None:
        """Type an option into the box with that label, and take it."""
        box = f"[data-testid=stSelectbox] input[aria-label*='{label}']"
        self.until(lambda _: self._all(box))
        self._all(box)[-1].send_keys(option + Keys.ENTER)

    def fill(self, label: str, text: str, which: int = -1) -> None:
        """Write into a field with that label, by default the last."""
        field = f"input[aria-label='{label}']"
        self.until(lambda _: self._all(field))
        self._all(field)[which].send_keys(text + Keys.TAB)  # what is left is sent

    def stop(self) -> None:
        """Press Stop as soon as it is there, and wait until the page says that it stopped.

        That it is ready says nothing yet: between the script that was stopped and the one that
        tells so, it is ready for a moment, too.
        """
        self.press("Stop")
        self.until(lambda _: self._all(READY) and self.outcomes()[-1:] == ["Stopped."])

    @contextmanager
    def another_tab(self) -> Iterator["ChatWindow"]:
        """A second tab of the same browser, in front until the block ends."""
        first = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        try:
            yield ChatWindow(self.driver, self.url, self.seconds)
        finally:
            self.driver.close()
            self.driver.switch_to.window(first)

    @property
    def session(self) -> str:
        """The id in the address."""
        return self.driver.current_url.split("session=")[1]

    def conversation(self) -> str:
        """All that was said, without the sidebar."""
        return " ".join(self._text(e) for e in self._all("[data-testid=stChatMessage]"))

    def page_text(self) -> str:
        return self._text(self._one("body"))

    def pictures(self, alt: str) -> int:
        """How many pictures that say so are drawn, not only named."""
        shown = "return arguments[0].complete && arguments[0].naturalWidth > 0"
        found = self._all(f"img[alt='{alt}']")
        return sum(bool(self.driver.execute_script(shown, image)) for image in found)

    def tracebacks(self) -> list[str]:
        return [self._text(e) for e in self._all("[data-testid=stException]")]

    def _in_last(self, selector: str) -> list:
        return self._all("[data-testid=stChatMessage]")[-1].find_elements(By.CSS_SELECTOR, selector)

    def _press_when_enabled(self, selector: str) -> None:
        self.until(lambda _: self._one(selector).is_enabled())
        self._one(selector).click()

    def _one(self, selector: str):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def _all(self, selector: str) -> list:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def _xpath(self, path: str) -> list:
        return self.driver.find_elements(By.XPATH, path)

    def _text(self, element) -> str:
        """Also of what is scrolled or folded out of sight."""
        return str(element.get_attribute("textContent")).strip()
