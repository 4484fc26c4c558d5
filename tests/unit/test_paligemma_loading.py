"""What is loaded, under which name, and what is said when it cannot be."""

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import huggingface_hub.constants
import peft
import pytest
import tiny_paligemma
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import PaliGemmaForConditionalGeneration

from agent.adapters import refuse_another_base
from agent.loading import digest, find_checkpoint, find_device, find_dtype
from agent.paligemma import load_paligemma
from tools.errors import BadInputError, ModelUnavailableError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BIAS = "multi_modal_projector.linear.bias"
RED = [Image.new("RGB", (32, 32), "red")]


@pytest.fixture
def folder(tiny_paligemma_dir, tmp_path) -> Path:
    """A copy of the checkpoint that a test may spoil."""
    return Path(shutil.copytree(tiny_paligemma_dir, tmp_path / "tiny"))


def test_both_generations_load_from_a_folder(tiny_paligemma_dir, tiny_paligemma2_dir):
    for generation, folder in (1, tiny_paligemma_dir), (2, tiny_paligemma2_dir):
        model = load_paligemma(str(folder), max_new_tokens=8)
        stock = tiny_paligemma.model(generation, tiny_paligemma.processor())
        assert model.name == f"{folder.name}@{digest(folder)}"
        weights = model._decoder.model.state_dict()
        torch.testing.assert_close(weights, stock.state_dict(), rtol=0, atol=0)
        assert model.describe(model.look(RED))[0].text


def test_loading_says_nothing(tiny_paligemma_dir, capfd):
    model = load_paligemma(str(tiny_paligemma_dir), max_new_tokens=4)
    model.describe(model.look(RED))
    assert capfd.readouterr() == ("", "")


def test_bfloat16_on_disk_is_float32_on_a_cpu(tmp_path):
    folder = tiny_paligemma.save(tmp_path / "half", dtype=torch.bfloat16)
    model = load_paligemma(str(folder), device="cpu")
    assert {p.dtype for p in model._decoder.model.parameters()} == {torch.float32}
    assert model.embed_image(model.look(RED)).dtype == "float32"


def test_bfloat16_works_when_asked_for(tiny_paligemma_dir):
    model = load_paligemma(str(tiny_paligemma_dir), device="cpu", dtype="bfloat16")
    features = model.look(RED)
    assert features.tower.dtype == torch.bfloat16
    assert model.describe(features)[0].text
    assert model.score(features, "what", ["a", "b"]).sum() == pytest.approx(1)
    assert model.embed_image(features).dtype == "float32"


def test_the_name_follows_weights_and_preprocessing_not_the_place(folder, tmp_path):
    moved = Path(shutil.copytree(folder, tmp_path / "elsewhere" / "tiny"))
    (moved / "README.md").write_text("a model card")
    assert find_checkpoint(str(moved)).name == find_checkpoint(str(folder)).name
    weights = load_file(moved / "model.safetensors")
    weights[BIAS][0] += 1
    save_file(weights, moved / "model.safetensors", {"format": "pt"})
    retrained = find_checkpoint(str(moved)).name
    assert retrained != find_checkpoint(str(folder)).name
    processor = moved / "processor_config.json"
    processor.write_text(processor.read_text().replace("0.5", "0.4"))
    assert find_checkpoint(str(moved)).name != retrained


def test_the_digest_of_a_large_file_samples_it(tmp_path):
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(300 * 2**20)  # sparse
    before = digest(tmp_path)
    with (tmp_path / "model.safetensors").open("r+b") as file:
        file.seek(150 * 2**20)
        file.write(b"retrained" * 2**18)
    assert digest(tmp_path) != before


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ModelUnavailableError, match=r"nowhere: there is no such folder"):
        load_paligemma(str(tmp_path / "nowhere"))
    with pytest.raises(ModelUnavailableError, match=r"lite: there is no such folder"):
        load_paligemma("lite")


def test_weights_that_could_run_code_are_refused(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelUnavailableError, match=r"only pytorch_model.bin.*save_pretrained"):
        load_paligemma(str(folder))


def test_code_beside_the_weights_never_runs(folder):
    (folder / "evil.py").write_text("open('ran', 'w')\n")
    for name in ("config.json", "processor_config.json", "tokenizer_config.json"):
        values = json.loads((folder / name).read_text())
        autos = "AutoConfig", "AutoModel", "AutoImageProcessor", "AutoTokenizer", "AutoProcessor"
        values["auto_map"] = dict.fromkeys(autos, "evil.Evil")
        (folder / name).write_text(json.dumps(values))
    assert load_paligemma(str(folder)).look(RED).n == 1
    assert not Path("ran").exists()


def test_another_kind_of_model_is_named(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "qwen2_vl"}))
    with pytest.raises(ModelUnavailableError, match=r"is a 'qwen2_vl' model, not a PaliGemma"):
        load_paligemma(str(folder))


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "tokenizer.json", "processor_config.json"]
)
def test_a_truncated_file_is_refused(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelUnavailableError, match=r"tiny cannot be loaded: .*download it again"):
        load_paligemma(str(folder))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "processor_config.json"])
def test_a_missing_file_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelUnavailableError, match=r"tiny"):
        load_paligemma(str(folder))


def test_missing_weights_are_refused_not_drawn_at_random(folder):
    weights = load_file(folder / "model.safetensors")
    del weights[BIAS]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelUnavailableError, match=r"1 weights are missing.*projector"):
        load_paligemma(str(folder))


def test_unknown_devices_and_types_are_named(tiny_paligemma_dir):
    with pytest.raises(BadInputError, match="device 'gpu' cannot be used here"):
        load_paligemma(str(tiny_paligemma_dir), device="gpu")
    with pytest.raises(BadInputError, match="dtype 'fp23' is unknown"):
        load_paligemma(str(tiny_paligemma_dir), dtype="fp23")


def test_auto_is_exact_on_a_cpu_and_small_on_a_gpu():
    assert find_dtype("auto", torch.device("cpu")) == torch.float32
    assert find_dtype("auto", torch.device("cuda")) == torch.bfloat16
    assert find_device("cpu").type == "cpu"
    assert isinstance(find_device("auto"), torch.device)


# Adapters


def save_adapter(base: Path, folder: Path, config: peft.PeftConfig) -> peft.PeftModel:
    torch.manual_seed(0)
    model = peft.get_peft_model(PaliGemmaForConditionalGeneration.from_pretrained(base), config)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    model.save_pretrained(folder)
    return model.eval()


def lora(**options: Any) -> peft.LoraConfig:
    pattern = r".*language_model.*\.(q_proj|v_proj|down_proj)"
    return peft.LoraConfig(r=4, target_modules=pattern, **options)


@pytest.mark.parametrize("options", [{}, {"trainable_token_indices": [300, 301]}])
def test_an_adapter_changes_the_text_and_the_name(tiny_paligemma_dir, tmp_path, options):
    adapted = save_adapter(tiny_paligemma_dir, tmp_path / "lora", lora(**options))
    plain = load_paligemma(str(tiny_paligemma_dir), max_new_tokens=8)
    model = load_paligemma(
        str(tiny_paligemma_dir), adapter=str(tmp_path / "lora"), max_new_tokens=8
    )
    assert model.name == f"{plain.name}+lora@{digest(tmp_path / 'lora')}"
    inputs = tiny_paligemma.processor()(RED, "<image>describe en", return_tensors="pt")
    del inputs["labels"]
    ids = adapted.generate(**inputs, max_new_tokens=8, do_sample=False)
    new = ids[0, inputs["input_ids"].shape[1] :]
    text = model.describe(model.look(RED))[0].text
    assert text == model._tokenizer.decode(new, skip_special_tokens=True).strip()
    assert text != plain.describe(plain.look(RED))[0].text


def test_an_adapter_that_breaks_the_mask_is_refused(tiny_paligemma_dir, tmp_path):
    prompt = peft.PromptTuningConfig(
        task_type="CAUSAL_LM", num_virtual_tokens=2, num_layers=2, token_dim=32,
        num_attention_heads=4,
    )  # fmt: skip
    save_adapter(tiny_paligemma_dir, tmp_path / "soft", prompt)
    with pytest.raises(ModelUnavailableError, match=r"prefix mask; train LoRA"):
        load_paligemma(str(tiny_paligemma_dir), adapter=str(tmp_path / "soft"))


def test_an_adapter_trained_on_other_weights_is_refused(tiny_paligemma_dir, tmp_path):
    save_adapter(tiny_paligemma_dir, tmp_path / "lora", lora())
    pin = {"model": "mine", "revision": None, "sha256": {"model.safetensors": "0" * 64}}
    (tmp_path / "lora" / "base.json").write_text(json.dumps(pin))
    with pytest.raises(ModelUnavailableError, match=r"was trained on mine and does not fit"):
        load_paligemma(str(tiny_paligemma_dir), adapter=str(tmp_path / "lora"))


def test_an_adapter_of_another_commit_is_refused(tmp_path):
    adapter, base = tmp_path / "adapter", tmp_path / ("a" * 40)
    for folder in (adapter, base):
        folder.mkdir()
    pin = {"model": "lab/base", "revision": "b" * 40, "sha256": {}}
    (adapter / "base.json").write_text(json.dumps(pin))
    with pytest.raises(ModelUnavailableError, match=r"was trained on lab/base"):
        refuse_another_base(base, adapter)
    (adapter / "base.json").write_text(json.dumps(pin | {"revision": "a" * 40}))
    refuse_another_base(base, adapter)


def test_an_incomplete_adapter_is_refused(tiny_paligemma_dir, tmp_path):
    save_adapter(tiny_paligemma_dir, tmp_path / "lora", lora())
    path = tmp_path / "lora" / "adapter_model.safetensors"
    weights = load_file(path)
    weights.pop(next(iter(weights)))
    save_file(weights, path)
    with pytest.raises(ModelUnavailableError, match=r"lora cannot be loaded: .*missing"):
        load_paligemma(str(tiny_paligemma_dir), adapter=str(tmp_path / "lora"))


def test_an_adapter_given_as_the_model_is_told_apart(tiny_paligemma_dir, tmp_path):
    save_adapter(tiny_paligemma_dir, tmp_path / "lora", lora())
    with pytest.raises(ModelUnavailableError, match=r"give it as CYTOSCRIBE_ADAPTER"):
        load_paligemma(str(tmp_path / "lora"))


# The hub, played by a local server


class Hub(BaseHTTPRequestHandler):
    """`lab/tiny` is open, `lab/gated` wants a licence, all else does not exist."""

    folder: ClassVar[Path]

    def do_GET(self) -> None:
        if "/lab/gated" in self.path:
            self._refuse(401, "GatedRepo")
        elif "/lab/tiny" not in self.path:
            self._refuse(401, "RepoNotFound")
        elif "/revision/" in self.path and not self.path.endswith(("main", COMMIT)):
            self._refuse(404, "RevisionNotFound")
        elif self.path.startswith("/api/"):
            self._send(json.dumps(self._listing()).encode(), "json")
        else:
            self._send((self.folder / Path(self.path).name).read_bytes(), "octet-stream")

    do_HEAD = do_GET

    def _listing(self) -> Any:
        files = sorted(f.name for f in self.folder.iterdir())
        if "/tree/" in self.path:
            return [
                {"type": "file", "path": f, "oid": f, "size": (self.folder / f).stat().st_size}
                for f in files
            ]
        return {"id": "lab/tiny", "sha": COMMIT, "siblings": [{"rfilename": f} for f in files]}

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"application/{kind}")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{Path(self.path).name}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub(tiny_paligemma_dir, tmp_path, monkeypatch) -> Iterator[ThreadingHTTPServer]:
    Hub.folder = tiny_paligemma_dir
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    constants = {"ENDPOINT": address, "HUGGINGFACE_CO_URL_TEMPLATE": template,
                 "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": False}  # fmt: skip
    for name, value in constants.items():
        monkeypatch.setattr(huggingface_hub.constants, name, value)
    yield server
    server.shutdown()
    server.server_close()


def test_a_hub_model_is_named_by_its_commit_and_then_needs_no_network(hub):
    model = load_paligemma("lab/tiny", max_new_tokens=4)
    assert model.name == f"lab/tiny@{COMMIT[:12]}"
    hub.shutdown()
    hub.server_close()
    assert load_paligemma("lab/tiny").name == model.name


def test_a_gated_model_gives_the_licence_page_and_the_command(hub):
    with pytest.raises(ModelUnavailableError) as refusal:
        load_paligemma("lab/gated")
    assert "accept its licence at https://huggingface.co/lab/gated" in str(refusal.value)
    assert "hf auth login" in str(refusal.value)


def test_a_model_or_revision_that_does_not_exist_is_named(hub):
    with pytest.raises(ModelUnavailableError, match=r"lab/nothing is neither a folder.*log in"):
        load_paligemma("lab/nothing")
    with pytest.raises(ModelUnavailableError, match=r"lab/tiny \(revision v9\): no such revision"):
        load_paligemma("lab/tiny", revision="v9")


def test_a_gated_adapter_is_named_too(hub, tiny_paligemma_dir):
    with pytest.raises(ModelUnavailableError, match=r"lab/gated is gated"):
        load_paligemma(str(tiny_paligemma_dir), adapter="lab/gated")


def test_without_network_or_copy_it_says_what_to_do(hub):
    hub.shutdown()
    hub.server_close()
    with pytest.raises(ModelUnavailableError, match=r"lab/tiny is not on this machine.*go online"):
        load_paligemma("lab/tiny")
