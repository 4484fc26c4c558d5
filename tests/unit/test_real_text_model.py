"""A real small language model behind a real server: whatever it writes, only what is backed stays.

The model is a Llama of random weights made here; it knows nothing, so nothing that it writes may
reach an answer.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import torch
from agent_fakes import PASSAGES, WordEncoder
from chat_server import ChatServer
from tiny_paligemma import tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from agent.literature import Rewritten
from agent.material import Material
from agent.synthesis import Synthesis
from agent.text_model import TextModel
from agent.turn import GroundedAnswer, Plan, ToolResult

TEMPLATE = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
SECONDS_TO_START = 90


@pytest.fixture(scope="module")
def llama(tmp_path_factory) -> Path:
    """A folder with a Llama of 40,000 parameters and its tokenizer."""
    folder, words = tmp_path_factory.mktemp("llama"), tokenizer()
    words.chat_template = TEMPLATE
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=4096, pad_token_id=0, eos_token_id=1,
        bos_token_id=2,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def generate(llama):
    """What the model writes after a request of OpenAI's protocol."""
    model, words = AutoModelForCausalLM.from_pretrained(llama), AutoTokenizer.from_pretrained(llama)

    def reply(asked) -> str:
        prompt = asked["messages"][-1]["content"]
        tokens = words(prompt, return_tensors="pt", return_token_type_ids=False)
        written = model.generate(**tokens, max_new_tokens=24, do_sample=False)
        return str(words.decode(written[0, tokens["input_ids"].shape[1] :]))

    return reply


def answered(rewriter: TextModel) -> GroundedAnswer:
    plan = Plan(tools=("literature_search",), reason="r", confidence=1, decided_by="rules")
    result = ToolResult(tool="literature_search", evidence=tuple(PASSAGES), latency_ms=1)
    material = Material("What is the neutrophil nucleus?", "neutrophil nucleus", plan, (result,))
    synthesis = Synthesis(WordEncoder(), rewriter)
    return synthesis.answer(material, list(synthesis.parts(material)))


def quoted(answer: GroundedAnswer) -> bool:
    """Whether the answer is the quotations that it would be without a text model."""
    claims = [s.text for s in answer.sentences if s.kind == "claim"]
    return len(claims) == 2 and all(text.startswith("PMID 10") for text in claims)


def test_what_a_model_of_random_weights_writes_never_reaches_the_answer(generate):
    with ChatServer(generate) as server:
        model = TextModel("tiny", server.url, None)
        written = model.rewrite("What is the neutrophil nucleus?", PASSAGES)
        assert written.sentences == () and written != Rewritten()
        answer = answered(model)
    assert quoted(answer) and "of the text model left out" in answer.text


def test_a_model_that_repeats_its_prompt_is_not_believed(generate):
    with ChatServer(lambda asked: asked["messages"][-1]["content"]) as server:
        answer = answered(TextModel("parrot", server.url, None))
    assert "do not follow instructions" not in answer.text
    assert "<passage" not in answer.text and answer.cited() <= {e.evidence_id for e in PASSAGES}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def transformers_serve(llama) -> Iterator[str]:
    """The address of `transformers serve` with the small model."""
    port = free_port()
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(llama)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(SECONDS_TO_START):
            time.sleep(1)
            if process.poll() is None and healthy(port):
                break
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").is_success
    except httpx.TransportError:
        return False


@pytest.mark.slow
def test_transformers_serve_is_spoken_to_and_not_believed(transformers_serve, llama):
    pytest.importorskip("fastapi", reason="transformers serve needs fastapi")
    model = TextModel(str(llama), transformers_serve, None)
    assert model.complete("What is a neutrophil?")  # it answered: the protocol is right
    assert quoted(answered(model))
