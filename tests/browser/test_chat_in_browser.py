"""The whole program as a newcomer meets it: the served page, its database, its model, a browser."""

import io
import signal
import zlib

import numpy as np
import psutil
import pytest
from PIL import Image

from page.examples import FULL_QUESTION
from tools import simulate
from tools.postgres import EmbeddedPostgres
from tools.store import Store


def drawn(kind: str = "cell", seed: int = 7, variant: str | None = "neutrophil") -> Image.Image:
    return Image.fromarray(simulate.draw(kind, seed, variant).pixels)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def in_16_bit(image: Image.Image) -> Image.Image:
    """The same in shades of grey, as microscopes' cameras write it."""
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def bomb(side: int) -> bytes:
    """A small PNG that claims to be `side` x `side` pixels."""
    data = bytearray(encoded(Image.new("L", (8, 8))))
    header = data[12:29]
    header[4:12] = side.to_bytes(4, "big") * 2
    data[12:29] = header
    data[29:33] = zlib.crc32(header).to_bytes(4, "big")
    return bytes(data)


@pytest.fixture
def cell(tmp_path):
    path = tmp_path / "cell.png"
    path.write_bytes(encoded(drawn()))
    return path


@pytest.fixture(scope="module")
def database(served):
    """The page's own embedded database, joined from here."""
    server = EmbeddedPostgres(served.data / "postgres")
    yield server
    server.stop()


@pytest.fixture
def library(database):
    with Store(database.start()) as store:
        yield store


def test_a_question_on_an_image_is_answered_from_three_kinds_of_evidence(window, cell, library):
    answer = window.ask(FULL_QUESTION, cell)
    assert not window.tracebacks() and "Research use only" in window.page_text()
    assert "The model sees" in answer and window.findings()
    assert "Our summary of PMID" in answer
    assert len(window.cases()) >= 3 and all("simulated" in case for case in window.cases())
    assert len(window.pmids()) >= 2
    assert library.has_pmids(window.pmids()) == set(window.pmids())


def test_a_newcomer_without_an_image_can_try_a_drawn_one(window):
    with window.next_outcome():
        window.press("A drawn white blood cell: what is it, and what is written of it?")
    assert len(window.cases()) >= 3 and not window.tracebacks()


def test_a_follow_up_knows_the_image_and_a_reload_keeps_the_session(window, cell):
    window.ask("What cell is this?", cell)
    follow_up = window.ask("Are there similar cases?")
    assert len(window.cases()) >= 3
    window.reload()
    assert window.outcome() == follow_up
    assert "What cell is this?" in window.page_text()


def test_thumbs_and_comment_reach_the_database_once(window, library):
    before = library.counts()["feedback"]
    window.ask("What does the literature say about the nuclei of neutrophils?")
    window.rate(up=True, comment="well quoted", role="tester")
    assert library.counts()["feedback"] == before + 1
    assert "Send feedback" not in window.page_text()
    turn_id = library.turns(window.session)[-1]
    assert turn_id and "Thank you" in window.page_text()


def test_a_professionals_review_is_kept_beside_what_the_model_said(window, library, cell):
    window.ask("What cell is this?", cell)
    said = window.findings()["cell type"]
    truth = "basophil" if said != "basophil" else "eosinophil"
    window.unfold("Review what the model saw")
    window.mark("modality", "right")
    window.choose("Label", truth)
    window.fill("Your initials (optional)", "AB")
    window.fill("Your role (optional)", "haematologist")
    window.press("Send review")
    window.until(lambda _: "Your review is stored" in window.page_text())
    rows = {row.name: row for row in library.reviews() if row.session_id == window.session}
    assert rows["modality"].right and rows["modality"].role == "haematologist"
    label = rows["cell_type"]
    assert (label.model_value, label.human_value, label.reviewer) == (said, truth, "ab")
    assert not window.tracebacks()


def test_an_upload_that_is_no_sound_image_is_refused_in_a_sentence(window, tmp_path):
    sound = encoded(drawn())
    refused = {
        "truncated.png": sound[: len(sound) // 2],
        "renamed.png": b"%PDF-1.4 this is no image",
        "zero.png": b"",
        "bomb.png": bomb(60_000),
    }
    for name, data in refused.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert name in window.ask("What is this?", path), name
    assert not window.tracebacks()


def test_uncommon_but_sound_images_are_answered(window, tmp_path):
    image = drawn()
    sideways = Image.Exif()
    sideways[0x0112] = 6
    sound = {
        "deep.png": encoded(in_16_bit(image)),
        "pages.tif": encoded(image, "TIFF", save_all=True, append_images=[image] * 3),
        "cmyk.jpg": encoded(image.convert("CMYK"), "JPEG"),
        "rgba.png": encoded(image.convert("RGBA")),
        "rotated.jpg": encoded(image, "JPEG", exif=sideways),
    }
    paths = [tmp_path / name for name in sound]
    for path in paths:
        path.write_bytes(sound[path.name])
    answer = window.ask("What do these images show?", *paths)
    assert answer.count("The model sees") == len(paths), answer
    text = window.page_text()
    assert "page 1 of 4" in text.lower() and "8-bit" in text and not window.tracebacks()


def test_the_page_outlives_its_database(window, database, cell):
    window.ask("What cell is this?", cell)
    database.start()
    stop(database)
    answer = window.ask("What do similar cases show, and the literature about its nucleus?")
    assert "database is not reachable" in answer and not window.tracebacks()
    assert "database cannot be reached" in window.page_text()
    database.start()
    with window.next_outcome():
        window.press("Ask again")
    assert len(window.cases()) >= 3 and "not reachable" not in window.outcome()


def stop(database: EmbeddedPostgres) -> None:
    """End the server as an administrator would; who uses it is not told."""
    pid = int((database.data / "postmaster.pid").read_text().split("\n")[0])
    process = psutil.Process(pid)
    process.send_signal(signal.SIGINT)
    process.wait(20)


def test_two_tabs_have_their_own_conversations(window, cell):
    window.ask("What cell is this?", cell)
    with window.another_tab() as other:
        other.open()
        other.ask("What does the literature say about apoptosis?")
        assert "What cell is this?" not in other.conversation()
    assert "apoptosis" not in window.conversation()


def test_the_quality_page_tells_the_turn_and_the_chat_goes_on(window):
    window.ask("What does the literature say about apoptosis?")
    session = window.session
    window.follow_link("Quality")
    window.until(lambda _: "Time to generate" in window.page_text())
    assert window.pictures("share of turns answered within x seconds")
    assert not window.tracebacks()
    window.follow_link("Chat")
    window.wait_until_ready()
    assert window.session == session and "apoptosis" in window.conversation()
