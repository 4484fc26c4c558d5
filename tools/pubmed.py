"""PubMed through NCBI's E-utilities: search for PMIDs, fetch the records as PubMed XML.

Polite as NCBI asks: three requests a second, ten with an API key, a name and an address with each
(https://www.ncbi.nlm.nih.gov/books/NBK25497/). Written on httpx: Biopython's Bio.Entrez has its
server's address in its code, no time limit, and repeats at once what the server refused.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from typing import Any

import httpx

from tools.closing import Closing
from tools.errors import BadInputError, RemoteServiceError
from tools.ingest.formats import pubmed_xml
from tools.ingest.formats.record import Record, Unreadable
from tools.library import Article

MOST = 9_999  # PMIDs that PubMed gives to one search
AT_ONCE = 200  # records a request
TRIES = 4
TIMEOUT = 30.0  # seconds
LONGEST_WAIT = 20.0
TOOL = "cytoscribe"


@dataclass(frozen=True)
class Found:
    """A search's answer."""

    pmids: tuple[str, ...]
    total: int  # articles that match, of which `pmids` are the first


class PubMed(Closing):
    """A connection to the E-utilities; use as a context manager."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        email: str | None = None,
        wait: float = 1.0,
    ) -> None:
        self._own = {"tool": TOOL, "email": email, "api_key": api_key}
        self._pause = 0.11 if api_key else 0.36  # seconds between two requests
        self._wait = wait  # seconds before the first repetition, doubled for each next one
        self._lock, self._free_at = Lock(), 0.0
        self._client = httpx.Client(base_url=base_url.rstrip("/") + "/", timeout=TIMEOUT)

    def search(self, query: str, limit: int) -> Found:
        """The PMIDs of the `limit` best matches. BadInputError for a query PubMed cannot read."""
        parameters = {
            "db": "pubmed", "term": query, "retmax": limit, "retmode": "json", "sort": "relevance"
        }  # fmt: skip
        answer = self._post("esearch.fcgi", parameters)
        try:
            result = answer.json()["esearchresult"]
            if "ERROR" in result:
                raise BadInputError(f"PubMed cannot use the query {query!r}: {result['ERROR']}")
            return Found(tuple(map(str, result["idlist"])), int(result["count"]))
        except (ValueError, KeyError, TypeError) as e:
            raise self._unexpected(answer) from e

    def fetch(self, pmids: Sequence[str], corpus: str) -> Iterator[Record]:
        """The articles of these PMIDs; one that PubMed does not give is an Unreadable."""
        for start in range(0, len(pmids), AT_ONCE):
            yield from self._fetch(pmids[start : start + AT_ONCE], corpus)

    def _fetch(self, pmids: Sequence[str], corpus: str) -> Iterator[Record]:
        parameters = {"db": "pubmed", "id": ",".join(pmids), "retmode": "xml"}
        answer = self._post("efetch.fcgi", parameters)
        if b"PubmedArticleSet" not in answer.content:
            raise self._unexpected(answer)
        missing = set(pmids)
        for record in pubmed_xml.read(BytesIO(answer.content), corpus):
            if isinstance(record, Unreadable) and record.where.endswith("the file"):
                raise self._unexpected(answer)
            missing.discard(_pmid(record))
            yield record
        for pmid in sorted(missing):
            yield Unreadable(f"pmid:{pmid}", "PubMed did not give its record")

    def _post(self, path: str, parameters: dict[str, Any]) -> httpx.Response:
        """One request, repeated where the server is busy. POST: ids may be many."""
        data = {k: str(v) for k, v in (parameters | self._own).items() if v is not None}
        trouble = ""
        for attempt in range(TRIES):
            self._take_turn()
            try:
                answer = self._client.post(path, data=data)
            except httpx.TransportError as e:
                trouble = f"cannot be reached ({e or type(e).__name__})"
                self._sleep(attempt)
                continue
            if answer.is_success:
                return answer
            trouble = f"answers {answer.status_code} {answer.reason_phrase}"
            if answer.status_code != 429 and not answer.is_server_error:
                break
            self._sleep(attempt, answer.headers.get("retry-after"))
        raise RemoteServiceError(
            f"PubMed at {self._client.base_url} {trouble}; try again later, set "
            "CYTOSCRIBE_NCBI_API_KEY for a higher rate, or check CYTOSCRIBE_NCBI_BASE_URL."
        )

    def _take_turn(self) -> None:
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._free_at)
            self._free_at = turn + self._pause
        time.sleep(turn - now)

    def _sleep(self, attempt: int, asked: str | None = None) -> None:
        if attempt < TRIES - 1:
            seconds = float(asked) if asked and asked.isdigit() else self._wait * 2**attempt
            time.sleep(min(seconds, LONGEST_WAIT))

    def _unexpected(self, answer: httpx.Response) -> RemoteServiceError:
        return RemoteServiceError(
            f"PubMed at {self._client.base_url} gave an answer that is not PubMed's "
            f"({answer.text[:80]!r}…); check CYTOSCRIBE_NCBI_BASE_URL or try again later."
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _pmid(record: Record) -> str:
    if isinstance(record, Article):
        return record.pmid or ""
    return record.where.removeprefix("pmid:") if isinstance(record, Unreadable) else ""
