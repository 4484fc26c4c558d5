"""Check this installation and say how to mend what fails."""

import dataclasses
import json
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

import click
import httpx
from huggingface_hub import try_to_load_from_cache
from packaging.requirements import Requirement

from agent.settings import Settings, load_settings
from tools.errors import CytoscribeError

if TYPE_CHECKING:
    from tools.store import Store
    from tools.store.scores import UnsentScores

LANGFUSE_SECONDS = 3


@dataclass(frozen=True)
class Check:
    """The outcome of one check; `fix` says what to do when it failed."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, a check.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check this installation and say how to mend what fails; exit code 1 if anything does.

    \b
    Examples:
      cytoscribe doctor
      cytoscribe doctor --json
    """
    settings = load_settings()
    failed = 0
    for check in checks(settings):
        click.echo(json.dumps(dataclasses.asdict(check)) if as_json else _in_words(check))
        failed += not check.ok
    ctx.exit(1 if failed else 0)


def _in_words(check: Check) -> str:
    fix = f"\n      fix: {check.fix}" if check.fix and not check.ok else ""
    return f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}{fix}"


def checks(settings: Settings) -> Iterator[Check]:
    """Every check, the quick ones first; a failed one does not keep the others from running."""
    yield python()
    yield packages()
    yield data_folder(settings)
    yield port(settings)
    yield from database(settings)
    yield _tried("model", lambda: _model(settings), "see CYTOSCRIBE_MODEL")
    yield _tried("text encoder", lambda: _encoder(settings), "see CYTOSCRIBE_TEXT_ENCODER")
    if settings.langfuse_public_key or settings.langfuse_secret_key:
        yield langfuse(settings)


def python() -> Check:
    """The interpreter is one we support."""
    fix = "install Python 3.11 or newer and make the environment again"
    return Check("Python", sys.version_info >= (3, 11), platform.python_version(), fix)


def packages() -> Check:
    """What pyproject.toml asks for is installed, in versions it allows."""
    wanted = [Requirement(text) for text in requires("cytoscribe") or ()]
    here = [r for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})]
    wrong = [problem for r in here if (problem := _problem(r))]
    detail = "; ".join(wrong) or f"all {len(here)} as asked for"
    fix = "pip install -c constraints.txt -e . (or delete .venv and run `make chat`)"
    return Check("packages", not wrong, detail, fix)


def _problem(requirement: Requirement) -> str | None:
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is missing"
    fits = requirement.specifier.contains(installed, prereleases=True)
    return None if fits else f"{requirement.name} is {installed}, not {requirement.specifier}"


def data_folder(settings: Settings) -> Check:
    """The data folder can be written to."""
    folder = settings.data_folder()
    fix = "set CYTOSCRIBE_DATA_DIR to a folder that you may write to"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Check("data folder", True, str(folder))
    except OSError as e:
        return Check("data folder", False, f"{folder}: {e.strerror}", fix)


def port(settings: Settings) -> Check:
    """The page's port is free."""
    from agent.commands.chat import check_port

    try:
        check_port(settings.host, settings.port)
    except CytoscribeError as e:
        fix = "stop what uses it (perhaps `cytoscribe chat`), or set CYTOSCRIBE_PORT"
        return Check("port", False, str(e), fix)
    return Check("port", True, f"{settings.host}:{settings.port} is free")


def _tried(name: str, attempt: Callable[[], str], fix: str) -> Check:
    try:
        return Check(name, True, attempt())
    except CytoscribeError as e:
        return Check(name, False, str(e), fix)


def database(settings: Settings) -> Iterator[Check]:
    """The database can be used, and whether scores wait in it."""
    from agent.build import open_store

    try:
        with open_store(settings) as store:
            yield Check("database", True, _held(settings, store))
            yield scores(settings, store.unsent_scores())
    except CytoscribeError as e:
        yield Check("database", False, str(e), "see CYTOSCRIBE_DATABASE_URL")


def _held(settings: Settings, store: "Store") -> str:
    counts = store.counts()
    kind = "external" if settings.database_url.get_secret_value() else "embedded"
    held = f"{counts['images']} images, {counts['articles']} articles"
    return f"{kind}, {store.versions()}, {held}"


def scores(settings: Settings, unsent: "UnsentScores") -> Check:
    """What users said has reached Langfuse, or waits for a known reason."""
    if not unsent.count:
        return Check("scores", True, "none waits to be sent")
    waiting = f"{unsent.count} unsent since {unsent.oldest:%Y-%m-%d %H:%M}"
    if not (settings.langfuse_public_key and settings.langfuse_secret_key):
        return Check("scores", True, f"{waiting}: Langfuse's keys are not set")
    if unsent.last_error:
        fix = "mend that, then `cytoscribe feedback send`; nothing is lost meanwhile"
        return Check("scores", False, f"{waiting}: {unsent.last_error}", fix)
    return Check("scores", True, waiting)


def _model(settings: Settings) -> str:
    """Name and digest of the weights on this machine; nothing is downloaded."""
    from agent.loading import find_checkpoint

    name = settings.model
    is_hub_id = name.count("/") == 1 and not name.startswith((".", "~", "/"))
    if is_hub_id and not try_to_load_from_cache(
        name, "config.json", revision=settings.model_revision
    ):
        return (
            f"{name} is not on this machine yet: the first start downloads it (accept its licence "
            f"at https://huggingface.co/{name}, then `hf auth login`)"
        )
    return find_checkpoint(name, settings.model_revision).name


def _encoder(settings: Settings) -> str:
    from agent.build import open_encoder

    encoder = open_encoder(settings)
    return f"{encoder.name}, {encoder.dimension} dimensions, digest as expected"


def langfuse(settings: Settings) -> Check:
    """The server answers and takes the keys."""
    secret, url = settings.langfuse_secret_key, settings.langfuse_base_url
    if not (settings.langfuse_public_key and secret):
        fix = "set both LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY, or neither"
        return Check("Langfuse", False, "one of its two keys is missing: nothing is traced", fix)
    keys = (settings.langfuse_public_key, secret.get_secret_value())
    try:
        answer = httpx.get(
            f"{url.rstrip('/')}/api/public/projects", auth=keys, timeout=LANGFUSE_SECONDS
        )
    except (httpx.HTTPError, httpx.InvalidURL) as e:
        fix = "check LANGFUSE_BASE_URL; answers do not depend on it, traces do"
        return Check("Langfuse", False, f"{url} does not answer: {e}", fix)
    fix = "take the keys from the project's settings in Langfuse, and its server's address"
    return Check("Langfuse", answer.is_success, f"{url} answers {answer.status_code}", fix)
