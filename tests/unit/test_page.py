"""The chat page on a scripted assistant: what is drawn, asked, refused and kept."""

import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from scripted_page import NO_DATABASE, RESULTS, SEEN, ScriptedAssistant
from streamlit.testing.v1 import AppTest

from tools.errors import ModelUnavailableError, StoreUnavailableError

PAGE = str(Path(__file__).with_name("scripted_page.py"))


@pytest.fixture
def assistant() -> ScriptedAssistant:
    return ScriptedAssistant()


@pytest.fixture
def page(assistant) -> AppTest:
    return opened(assistant)


def opened(assistant: ScriptedAssistant, session: str = "s1") -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=20)
    page.session_state["assistant"] = assistant
    page.query_params["session"] = session
    return page.run()


def ask(page: AppTest, question: str, *files: tuple[str, bytes]) -> AppTest:
    box = page.chat_input[0]
    for name, data in files:
        box.upload(name, data, "image/png")
    return box.set_value(question).run()


def press(page: AppTest, label: str) -> None:
    next(button for button in page.button if button.label == label).click()
    page.run()


def html(page: AppTest) -> str:
    return "".join(element.proto.body for element in page.get("html"))


def test_an_answer_cites_the_numbers_of_its_evidence(page):
    ask(page, "What is it?")
    shown = html(page)
    assert 'id="see-' in shown and "[1]</b>" in shown
    assert shown.count('class="cite" href') == 6
    for target in re.findall(r'href="#([^"]+)"', shown):
        assert f'id="{target}"' in shown


def test_findings_cases_and_passages_are_shown_with_their_source(page):
    ask(page, "What is it?")
    shown = html(page)
    assert "93%" in shown and "seen" in shown and "measured" in shown and "41.2 % of cell" in shown
    assert "similarity 0.90" in shown and "CC BY 4.0" in shown
    assert shown.count('class="badge simulated"') == 1
    assert 'href="https://pubmed.ncbi.nlm.nih.gov/111/"' in shown
    assert "our summary" in shown and shown.count("retracted</span>") == 1


def test_how_sure_an_answer_is_stands_in_words_and_number_with_what_that_means(page):
    ask(page, "What is it?")
    shown = html(page)
    assert "confidence: likely to be right (80%)" in shown
    assert 'title="The probability that it is right."' in shown


def test_several_images_of_a_session_have_their_numbers(page):
    ask(page, "What is it?", ("one.png", b"one"))
    assert captions(page) == ["your image"]
    ask(page, "And this?", ("two.png", b"two"))
    assert captions(page) == ["image 1, your image", "image 2, your image"]


def captions(page: AppTest) -> list[str]:
    return [c for e in page.get("image") for c in e.captions if c]


def test_what_was_measured_is_shown_on_the_image_and_named(page, assistant, tmp_path):
    path = tmp_path / "overlay.png"
    Image.new("RGB", (40, 30)).save(path)
    beside = "Measured, not seen by the model: 3 < 5 cells."
    shown_seen = SEEN.model_copy(update={"overlay": str(path), "comparison": beside})
    result = RESULTS[0].model_copy(update={"evidence": (shown_seen,)})
    assistant.results = (result, *RESULTS[1:])
    ask(page, "What is it?")
    shown = html(page)
    assert "measured, not seen by the model</figcaption>" in shown
    assert "data:image/png;base64," in shown and "3 &lt; 5 cells" in shown
    path.unlink()
    ask(page, "And now?")
    assert not page.exception


def test_text_of_strangers_is_never_markup(page):
    ask(page, "a *b* <script>x</script> :red[y] $z$")
    assert page.chat_message[0].markdown[0].value == (
        r"a \*b\* \<script\>x\</script\> \:red\[y\] \$z\$"
    )
    assert "<b>nuclei</b>" not in html(page) and "<i>are</i>" not in html(page)


def test_the_steps_of_an_answer_can_be_read(page):
    ask(page, "What is it?")
    steps = [line.value for line in page.status[0].markdown]
    assert len(steps) == 4 and "1 description \\(1\\.2 s\\)" in steps[1]


def test_an_upload_is_shown_and_sent(page, assistant):
    ask(page, "What is it?", ("a.png", b"one"), ("b.png", b"two"))
    assert len(page.chat_message[0].get("image")) == 2
    assert len(assistant.records[0].turn.images) == 2


def test_a_part_of_an_image_is_asked_about_as_an_image_of_its_own(page, assistant):
    ask(page, "What is this?", ("cell.png", b"png"))
    page.slider[0].set_value((50.0, 100.0)).run()
    press(page, "Ask about this part")
    part = Image.open(BytesIO(list(assistant.uploads.values())[-1]))
    assert part.size == (20, 14)  # of 40 x 30: the right half, the middle half of the height
    assert "this part of the image" in assistant.records[-1].turn.question


def test_an_upload_without_words_asks_what_it_shows(page, assistant):
    ask(page, "", ("a.png", b"one"))
    assert assistant.records[0].turn.question == "What does this image show?"


def test_a_bad_upload_is_refused_by_name_and_the_chat_goes_on(page, assistant):
    ask(page, "What is it?", ("bad.png", b""))
    assert "bad\\.png is empty" in page.error[0].value
    assert not [b for b in page.button if b.label == "Try again"]
    ask(page, "And now?")
    assert len(assistant.records) == 1 and not page.exception


def test_an_answer_that_missed_the_database_can_be_asked_again(page, assistant):
    assistant.results = (*RESULTS, NO_DATABASE)
    ask(page, "What is it?")
    assert "database could not be reached" in page.warning[0].value
    assistant.results = RESULTS
    press(page, "Ask again")
    assert not page.warning and len(assistant.records) == 2


@pytest.mark.parametrize("error", [StoreUnavailableError, ModelUnavailableError])
def test_a_failure_is_told_and_the_same_question_can_be_asked_again(page, assistant, error):
    assistant.trouble = error("it is away; start it and try again")
    ask(page, "What is it?", ("a.png", b"one"))
    assert "it is away" in page.error[0].value and not page.exception
    assistant.trouble = None
    press(page, "Try again")
    assert not page.error and assistant.records[0].turn.images
    assert [m.name for m in page.chat_message] == ["user", "assistant"]


def test_a_bug_of_ours_is_not_hidden(page, assistant):
    assistant.trouble = ZeroDivisionError("a bug")
    ask(page, "What is it?")
    assert page.exception[0].message == "a bug"
    assert not page.run().exception


def test_feedback_is_given_once(page, assistant):
    ask(page, "What is it?")
    page.feedback[0].set_value(1).run()
    page.text_input(key="comment-turn0").set_value("right")
    press(page, "Send feedback")
    (given,) = assistant.given
    assert (given.turn_id, given.helpful, given.comment, given.role) == (
        "turn0",
        True,
        "right",
        None,
    )
    assert "Thank you" in page.caption[-1].value
    assert "Send feedback" not in [b.label for b in page.button]


def test_a_thumb_alone_is_not_sent_before_it_is_sent(page, assistant):
    ask(page, "What is it?")
    page.feedback[0].set_value(0).run()
    assert not assistant.given
    press(page, "Send feedback")
    assert assistant.given[0].helpful is False and assistant.given[0].comment is None


def test_a_reload_shows_the_session_again(assistant):
    ask(opened(assistant), "What is it?", ("a.png", b"one"))
    again = opened(assistant)
    assert [m.name for m in again.chat_message] == ["user", "assistant"]
    assert "This is a neutrophil." in html(again)
    assert not opened(assistant, session="s2").chat_message


def test_a_reload_remembers_that_feedback_was_given(page, assistant):
    ask(page, "What is it?")
    page.feedback[0].set_value(0).run()
    press(page, "Send feedback")
    assert "Thank you" in opened(assistant).caption[-1].value


def mark(page: AppTest, finding: str, value: str) -> None:
    group = next(
        g for g in page.get("button_group") if g.key and g.key.startswith(f"mark-{finding}")
    )
    group.set_value(value)
    page.run()


def choose(page: AppTest, label: str, value: str) -> None:
    next(box for box in page.selectbox if box.label == label).set_value(value)
    page.run()


def test_a_review_marks_findings_corrects_them_and_says_who_speaks(page, assistant):
    ask(page, "What is it?")
    mark(page, "nucleus_shape", "right")
    mark(page, "cell_type", "wrong")
    choose(page, "cell type, in truth", "basophil")
    next(t for t in page.text_area if t.label == "Description").set_value("a basophil")
    next(t for t in page.text_input if t.label.startswith("Your initials")).set_value("ab")
    press(page, "Send review")
    (given,) = assistant.given
    assert given.finding_marks == {"nucleus_shape": True, "cell_type": False}
    assert given.corrected_findings == {"cell_type": "basophil"}
    assert given.corrected_description == "a basophil" and given.reviewer == "ab"
    assert given.image_id == SEEN.image_id and given.helpful is None
    assert "Send review" not in [b.label for b in page.button]


def test_a_review_can_be_given_again_and_an_empty_one_is_not_sent(page, assistant):
    ask(page, "What is it?")
    press(page, "Send review")
    assert not assistant.given and "Nothing was marked" in page.main.info[0].value
    choose(page, "Label", "target cell")
    press(page, "Send review")
    press(page, "Review again")
    mark(page, "cell_type", "right")
    press(page, "Send review")
    first, second = assistant.given
    assert first.corrected_label == "target cell" and not first.finding_marks
    assert second.finding_marks == {"cell_type": True}


def test_a_reload_remembers_a_review_and_still_asks_for_a_rating(page, assistant):
    ask(page, "What is it?")
    mark(page, "cell_type", "right")
    press(page, "Send review")
    again = opened(assistant)
    assert "Review again" in [b.label for b in again.button] and again.feedback


def test_only_the_newest_turn_has_its_evidence_unfolded(page):
    ask(page, "One?")
    ask(page, "Two?")
    unfolded = [e.proto.expanded for e in page.expander if "Similar" in e.label]
    assert unfolded == [False, True]


def test_a_new_session_is_empty_and_has_its_own_address(page):
    ask(page, "What is it?")
    press(page, "New session")
    assert not page.chat_message
    assert page.query_params["session"] != ["s1"]


def test_an_address_that_is_no_session_gets_a_new_one(assistant):
    page = opened(assistant, session="../../etc")
    assert page.query_params["session"] != ["../../etc"] and not page.exception


def test_a_session_goes_on_after_a_visit_to_another_page(page):
    ask(page, "What is it?")
    page.query_params.clear()
    page.run()
    assert page.query_params["session"] == "s1" and len(page.chat_message) == 2


def test_the_quality_page_tells_the_turns_of_this_installation(page, assistant):
    ask(page, "What is it?")
    page.feedback[0].set_value(1).run()
    press(page, "Send feedback")

    def script() -> None:
        import streamlit as st

        from page import quality

        quality.draw(st.session_state["assistant"])

    shown = AppTest.from_function(script, default_timeout=20)
    shown.session_state["assistant"] = assistant
    shown.run()
    assert shown.title[0].value == "Cytoscribe: key measures" and not shown.exception
    assert "Turns: 1; sessions: 1;" in html(shown) and "1/1: 1.000" in html(shown)


def test_the_sidebar_names_the_model_and_what_the_library_holds(page):
    words = " ".join(m.value for m in page.sidebar.markdown)
    assert "lite@1234" in words and "4 images (4 simulated)" in words and "2 passages" in words
    assert "starter library" in page.sidebar.info[0].value


def test_research_use_only_is_always_in_sight(page):
    assert "Research use only" in html(page)


def test_importing_the_page_loads_nothing_heavy():
    code = (
        "import sys, streamlit_app; print({'torch', 'llama_index', 'langfuse'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
