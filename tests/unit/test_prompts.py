"""Prompts are PaliGemma's task prefixes, the same in training and serving."""

import subprocess
import sys

import pytest

from agent import prompts


def test_a_question_becomes_an_answer_prefix_on_one_line():
    assert prompts.answer(" What cell\n is  this? ") == "answer en What cell is this?"


def test_the_other_prefixes_are_those_of_paligemma():
    assert prompts.describe() == "describe en"
    assert prompts.detect("white blood cell") == "detect white blood cell"


@pytest.mark.parametrize("build", [prompts.answer, prompts.detect])
def test_nothing_to_ask_is_refused(build):
    with pytest.raises(ValueError, match=r"for example|ask something"):
        build("  \n ")


def test_prompts_need_no_deep_learning_framework():
    code = "import agent.prompts, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
