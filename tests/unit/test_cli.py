"""The command line: quick help, one clear line for an error, stable exit codes and JSON."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from click import Command, Context, Group
from click.testing import CliRunner
from PIL import Image

from agent.__main__ import cytoscribe, run
from agent.commands.ask import in_words
from agent.commands.describe import Described, descriptions
from agent.commands.findings import findings
from agent.settings import load_settings
from agent.turn import TurnRecord
from tools.evidence import CaseEvidence, DescriptionEvidence, Finding, LiteratureEvidence
from tools.protocols import Generated, ImageFeatures

COMMANDS = [
    "ask",
    "chat",
    "compare",
    "conformance",
    "data",
    "describe",
    "doctor",
    "eval",
    "feedback",
    "findings",
    "finetune",
    "honesty",
    "ingest",
    "library",
    "prompts",
    "settings",
]


class Eyes:
    """A vision model that says how bright an image is."""

    name = "eyes@1"
    embedding_dim = 1

    def look(self, images):
        return ImageFeatures([np.asarray(i).mean() for i in images], len(images))

    def describe(self, features, *_):
        return [Generated(f"brightness {mean:.0f}", 0.9) for mean in features.tower]

    def score_all(self, features, questions, *_):
        return [np.tile(np.eye(1, len(options)), (features.n, 1)) for _, options in questions]


@pytest.fixture
def pictures(tmp_path) -> list[Path]:
    """Three images and, in the middle, a file that is none."""
    for shade in (10, 20, 30):
        Image.new("RGB", (8, 8), (shade, shade, shade)).save(tmp_path / f"{shade}.png")
    (tmp_path / "15.png").write_bytes(b"not an image")
    return sorted(tmp_path.glob("*.png"))


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def free_port() -> int:
    with taken_port() as port:
        return port


def test_help_imports_neither_torch_nor_a_command_and_lists_all():
    code = (
        "import sys; from agent.__main__ import run; run(['--help']); "
        "sys.exit(', '.join(m for m in sys.modules if m in ('torch', 'llama_index', 'streamlit') "
        "or m.startswith('agent.commands.')) or 0)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(f"  {name}  " in shown.stdout for name in COMMANDS)


def commands_of(group: Group) -> dict[str, Command]:
    found = {name: group.get_command(Context(group), name) for name in group.list_commands(None)}
    return {name: command for name, command in found.items() if command}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_and_speaks_json(name):
    command = cytoscribe.get_command(Context(cytoscribe), name)
    below = commands_of(command) if isinstance(command, Group) else {"": command}
    for words in [[name], *(f"{name} {sub}".split() for sub in below)]:
        shown = CliRunner().invoke(cytoscribe, [*words, "--help"])
        assert "Example" in shown.output and f"cytoscribe {name}" in shown.output
    assert all("as_json" in [p.name for p in leaf.params] for leaf in below.values())


def test_python_m_agent_is_the_same_command():
    shown = subprocess.run([sys.executable, "-m", "agent", "--version"], capture_output=True)
    assert shown.returncode == 0 and b"cytoscribe" in shown.stdout


def test_an_unknown_command_is_wrong_usage(capsys):
    assert run(["knit"]) == 2
    assert "No such command 'knit'" in capsys.readouterr().err


def test_an_error_of_ours_is_one_line_without_a_traceback(capsys):
    assert run(["ask", "What is it?", "--image", "/nowhere/cell.png"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Error: ") and "/nowhere/cell.png" in said and said.count("\n") == 1


def test_a_region_outside_of_its_image_is_refused_before_anything_starts(capsys, tmp_path):
    Image.new("RGB", (40, 30)).save(tmp_path / "cell.png")
    asked = ["ask", "What is it?", "-i", str(tmp_path / "cell.png"), "--region"]
    assert run([*asked, "0,0,41,30"]) == 1
    assert "0,0,41,30" in capsys.readouterr().err
    assert run([*asked, "all"]) == 2
    assert "left,top,right,bottom" in capsys.readouterr().err


def test_a_wrong_setting_is_an_error_of_ours(capsys, monkeypatch):
    monkeypatch.setenv("CYTOSCRIBE_MAX_UPLOAD_MB", "0")
    assert run(["settings"]) == 1
    assert "CYTOSCRIBE_MAX_UPLOAD_MB='0'" in capsys.readouterr().err


def test_settings_as_json_are_keyed_by_option(capsys):
    assert run(["settings", "--json"]) == 0
    port = json.loads(capsys.readouterr().out)["port"]
    assert set(port) == {"name", "variable", "value", "source", "meaning"}


def test_a_bad_file_is_refused_in_its_place_and_the_others_go_on(pictures):
    found = list(descriptions(pictures, Eyes(), load_settings(), batch_size=8))
    assert [d.path for d in found] == pictures
    assert [bool(d.evidence) for d in found] == [True, False, True, True]
    assert "15.png" in found[1].error


def test_a_batch_says_what_single_images_say(pictures):
    def texts(size: int) -> list[str | None]:
        found = descriptions(pictures, Eyes(), load_settings(), size)
        return [d.evidence.text if d.evidence else None for d in found]

    assert texts(1) == texts(2) == texts(8) == ["brightness 10", None, "brightness 20",
                                                "brightness 30"]  # fmt: skip


def test_a_described_image_is_one_json_line_with_the_promised_keys(pictures):
    described, refused = list(descriptions(pictures[:2], Eyes(), load_settings(), 8))
    line = json.loads(described.as_json("eyes@1"))
    assert {"path", "text", "findings", "status", "model", "seconds"} <= set(line)
    assert {"name", "value", "probability", "origin"} <= set(line["findings"][0])
    assert "\n" not in described.as_json("eyes@1")
    assert json.loads(refused.as_json("eyes@1"))["status"] == "refused"
    assert "15.png" in json.loads(refused.as_json("eyes@1"))["error"]


def test_what_is_measured_joins_the_json_line_and_the_words(tmp_path):
    from tools.measure_image import Measurer
    from tools.simulate.nuclei import draw_nuclei

    class SeesNuclei(Eyes):
        def score_all(self, features, questions, *_):
            return [np.eye(1, len(said), min(3, len(said) - 1)) for _, said in questions]

    path = tmp_path / "nuclei.png"
    Image.fromarray(draw_nuclei(np.random.default_rng(0), "large").pixels).save(path)
    measurer = Measurer(tmp_path / "overlays")
    (told,) = descriptions([path], SeesNuclei(), load_settings(), 8, measurer)
    line = json.loads(told.as_json("eyes@1"))
    count = next(f for f in line["findings"] if f["name"] == "nuclei_count")
    assert (count["value"], count["origin"], count["probability"]) == ("25", "measured", None)
    assert Path(line["overlay"]).is_file() and "measured: 25" in line["comparison"]
    assert "nuclei_count: 25 per image (measured)" in told.in_words()


def test_a_refused_file_is_shown_with_its_reason():
    assert Described(Path("a.png"), 0.1, error="It is empty.").in_words() == (
        "a.png: refused. It is empty."
    )


def test_an_answer_in_words_numbers_its_evidence():
    seen = DescriptionEvidence(
        image_id="img-1", text="a cell", model="lite",
        findings=(Finding(name="cell_type", value="neutrophil", probability=0.93),),
    )  # fmt: skip
    case = CaseEvidence(
        image_id="img-2", caption="neutrophil", labels={}, similarity=0.9, source="s",
        licence="CC0", simulated=True,
    )  # fmt: skip
    paper = LiteratureEvidence(
        source_id="pmid:1", title="On cells", section="abstract", passage="P.", retracted=True,
        similarity=0.5,
    )  # fmt: skip
    record = TurnRecord.model_validate({
        "trace_id": "0", "settings_hash": "0", "durations": {},
        "turn": {"turn_id": "t", "session_id": "s9", "question": "?",
                 "asked_at": "2026-01-02T00:00:00Z"},
        "plan": {"tools": ["describe_image"], "reason": "r", "confidence": 1,
                 "decided_by": "rules"},
        "results": [{"tool": "describe_image", "latency_ms": 1,
                     "evidence": [e.model_dump() for e in (seen, case, paper)]}],
        "answer": {"status": "grounded", "confidence": 0.9, "model": "m", "sentences": [
            {"text": "A neutrophil.", "evidence_ids": [seen.evidence_id, paper.evidence_id]}]},
    })  # fmt: skip
    said = in_words(record)
    assert "A neutrophil. [1] [3]" in said and "cell_type neutrophil, 0.93" in said
    assert "simulated" in said and "RETRACTED. On cells (pmid:1)" in said and "Session s9" in said
    assert "Confidence: not calibrated." in said


def test_chat_refuses_a_taken_port_and_names_the_setting(capsys):
    with taken_port() as port:
        assert run(["chat", "--port", str(port)]) == 1
    said = capsys.readouterr().err
    assert str(port) in said and "CYTOSCRIBE_PORT" in said


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_chat_serves_on_loopback_until_it_is_stopped(stop, tmp_path):
    port = free_port()
    chat = subprocess.Popen(
        [sys.executable, "-m", "agent", "chat", "--port", str(port)],
        env=os.environ | {"CYTOSCRIBE_DATA_DIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert chat.stdout and f"http://127.0.0.1:{port}" in chat.stdout.readline()
        assert answers(f"http://127.0.0.1:{port}/_stcore/health")
        chat.send_signal(stop)
        assert chat.wait(30) in (0, 130, -stop)
    finally:
        chat.kill()
        chat.communicate()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{port}")


def answers(url: str) -> bool:
    for _ in range(240):
        try:
            return httpx.get(url).is_success
        except httpx.TransportError:
            time.sleep(0.25)
    return False


def test_ctrl_c_ends_with_130(tmp_path):
    code = (
        "import os, signal, sys, click; from agent.__main__ import EntryPointGroup, run\n"
        "wait = click.Command('wait', callback=lambda: os.kill(os.getpid(), signal.SIGINT))\n"
        "EntryPointGroup.get_command = lambda *_: wait\n"
        "sys.exit(run(['wait']))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 130


def test_the_findings_are_listed_with_values_ids_and_teachers():
    shown = CliRunner().invoke(findings, [])
    assert "neutrophil (CL:0000775)" in shown.output and "taught by: pbc_wbcatt" in shown.output
    listed = {
        each["name"]: each for each in json.loads(CliRunner().invoke(findings, "--json").output)
    }
    assert {"question", "values", "unit", "applies_to", "taught_by"} <= set(listed["subject"])
    assert listed["cell_type"]["values"][0] == {"value": "basophil", "ontology_id": "CL:0000767"}
    assert "platelet" not in listed["nucleus_shape"]["cell_types"]
