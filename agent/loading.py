"""Find a PaliGemma checkpoint and its adapter, check them, and load them.

Safetensors only, and no code from a hub ever runs. What cannot be loaded is a
`ModelUnavailableError` that names it and says what to do. It does not know how a model is used.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from transformers import PaliGemmaForConditionalGeneration, PaliGemmaProcessor

from agent.adapters import READ_WHOLE, SOFT_PROMPT, merge, refuse_another_base
from agent.damage import damage_named, first_line, quiet
from agent.prompts import read_better
from tools.errors import BadInputError, ModelUnavailableError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
EXAMPLES, PROMPTS = "examples.txt", "prompts.json"
_DOWNLOADED = ["*.json", "*.safetensors", "*.model", EXAMPLES]
_SAMPLES, _SAMPLE = 256, 4096  # blocks of a large file, bytes of a block
_SHAPE_OUTPUT = ("config.json", "adapter_config.json", "preprocessor_config.json",
                 "processor_config.json", "tokenizer.json", PROMPTS, SOFT_PROMPT)  # fmt: skip


@dataclass(frozen=True)
class Checkpoint:
    """A folder of weights on this machine, and the name that tells them from any others."""

    folder: Path
    name: str  # "google/paligemma2-3b-mix-448@9ef1c…" or "lite@3fd0…"


def find_checkpoint(source: str, revision: str | None = None) -> Checkpoint:
    """Take a folder as it is, or download a hub id (what is cached is not fetched again).

    Raises:
        ModelUnavailableError: missing, gated, unreachable, or without safetensors.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        _refuse_without_safetensors(folder, source)
        return Checkpoint(folder, f"{folder.resolve().name}@{digest(folder)}")
    if folder.is_absolute() or source.startswith((".", "~")) or source.count("/") != 1:
        raise ModelUnavailableError(
            f"{source}: there is no such folder; give a folder with config.json and"
            " model.safetensors, or a hub id such as google/paligemma2-3b-mix-448"
        )
    folder = _download(source, revision)
    _refuse_without_safetensors(folder, source)
    return Checkpoint(folder, f"{source}@{folder.name[:12]}")  # a snapshot's name is its commit


def load_model(
    checkpoint: Checkpoint, *, adapter: Checkpoint | None, device: str, dtype: str
) -> PaliGemmaForConditionalGeneration:
    """Load PaliGemma 1 or 2 for inference, with the adapter merged into its weights.

    Raises:
        ModelUnavailableError: not a PaliGemma, damaged, or an adapter that does not fit.
        BadInputError: an unknown device or dtype.
    """
    _refuse_other_models(checkpoint)
    place = find_device(device)
    paligemma: Any = PaliGemmaForConditionalGeneration
    with quiet(), damage_named(checkpoint.folder):
        model, report = paligemma.from_pretrained(
            checkpoint.folder, dtype=find_dtype(dtype, place), use_safetensors=True,
            trust_remote_code=False, local_files_only=True, output_loading_info=True,
        )  # fmt: skip
        if missing := sorted(report["missing_keys"]):
            raise ValueError(f"{len(missing)} weights are missing, the first is {missing[0]}")
    if adapter:
        refuse_another_base(checkpoint.folder, adapter.folder)
        model = merge(model, adapter.folder)
    loaded: PaliGemmaForConditionalGeneration = model.to(place).eval()
    return loaded


def load_processor(checkpoint: Checkpoint) -> PaliGemmaProcessor:
    """Load the image processor and the tokenizer, padding on the left as decoding needs."""
    with quiet(), damage_named(checkpoint.folder):
        processor = PaliGemmaProcessor.from_pretrained(
            checkpoint.folder, trust_remote_code=False, local_files_only=True
        )
    processor.tokenizer.padding_side = "left"
    return processor


def has_isolated_images(config: Any) -> bool:
    """Whether a checkpoint's image tokens see only the image; Google's see the prompt, too.

    Raises:
        ModelUnavailableError: an unknown form, or a decoder that would lose sight of the image.
    """
    form = getattr(config, "image_prefix", None)
    if form is None:
        return False
    if form != "isolated":
        raise ModelUnavailableError(
            f"config.json has image_prefix {form!r}; set it to 'isolated' or leave it out"
        )
    if getattr(config.get_text_config(), "sliding_window", None) is not None:
        raise ModelUnavailableError(
            "image_prefix 'isolated' needs a decoder without a sliding window, such as Gemma 1"
        )
    return True


def load_examples(checkpoint: Checkpoint) -> list[str]:
    """Texts as the checkpoint may write them, a line each, where its folder has some (ours)."""
    file = checkpoint.folder / EXAMPLES
    with damage_named(checkpoint.folder):
        return file.read_text("utf-8").splitlines() if file.is_file() else []


def load_prompts(checkpoint: Checkpoint) -> dict[str, str]:
    """Prompts that a search found better for it, by those they replace; most have none."""
    file = checkpoint.folder / PROMPTS
    with damage_named(checkpoint.folder):
        return read_better(file.read_text("utf-8")) if file.is_file() else {}


def find_device(name: str) -> torch.device:
    """Turn `auto` into the fastest device here; check any other by using it."""
    if name == "auto":
        found = torch.accelerator.current_accelerator(check_available=True)
        return found or torch.device("cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise BadInputError(
            f"device {name!r} cannot be used here ({first_line(error)}); use auto or cpu"
        ) from error


def find_dtype(name: str, device: torch.device) -> torch.dtype:
    """`auto` is float32 on a CPU and bfloat16 on a GPU."""
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    if name not in DTYPES:
        raise BadInputError(f"dtype {name!r} is unknown; use auto or one of {', '.join(DTYPES)}")
    return DTYPES[name]


def digest(folder: Path) -> str:
    """Twelve hex digits of what shapes the output: weights, configuration, tokenizer.

    Weights above 256 MB are sampled (256 blocks a file), so that a start stays quick: any training
    changes nearly every weight, but an edit of a single one may go unseen.
    """
    sha = hashlib.sha256()
    weights = sorted(folder.glob("*.safetensors"))
    whole = sum(file.stat().st_size for file in weights) <= READ_WHOLE
    for file in [*weights, *(folder / name for name in _SHAPE_OUTPUT)]:
        if file.is_file():
            sha.update(f"{file.name} {file.stat().st_size}\n".encode())
            sampled = file.suffix == ".safetensors" and not whole
            sha.update(_sample(file) if sampled else file.read_bytes())
    return sha.hexdigest()[:12]


def _sample(file: Path) -> bytes:
    size = file.stat().st_size
    blocks = []
    with file.open("rb") as stream:
        for i in range(_SAMPLES):
            stream.seek(i * max(size - _SAMPLE, 0) // (_SAMPLES - 1))
            blocks.append(stream.read(_SAMPLE))
    return b"".join(blocks)


def _download(repo: str, revision: str | None) -> Path:
    at = f"{repo} (revision {revision})" if revision else repo
    page = f"https://huggingface.co/{repo}"
    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=_DOWNLOADED))
    except GatedRepoError as error:
        raise ModelUnavailableError(
            f"{repo} is gated: accept its licence at {page}, then log in with `hf auth login`"
        ) from error
    except RevisionNotFoundError as error:
        raise ModelUnavailableError(f"{at}: no such revision; see {page}/commits/main") from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ModelUnavailableError(
            f"{repo} is neither a folder here nor a model you can see on the hub: check its name at"
            f" {page}; if it is private, log in with `hf auth login`"
        ) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        raise ModelUnavailableError(
            f"{at} is not on this machine and the hub did not answer"
            f" ({first_line(error.__cause__ or error)}): go online once, or run"
            f" `hf download {repo}` elsewhere and give the folder; the default model comes along"
        ) from error


def _refuse_without_safetensors(folder: Path, source: str) -> None:
    if any(folder.glob("*.safetensors")):
        return
    found = sorted(f.name for p in ("*.bin", "*.pt", "*.pth", "*.ckpt") for f in folder.glob(p))
    raise ModelUnavailableError(
        f"{source}: no *.safetensors in it"
        + (f" (only {', '.join(found)}, a format that can run code)" if found else "")
        + "; save the weights again with `save_pretrained`, which writes safetensors"
    )


def _refuse_other_models(checkpoint: Checkpoint) -> None:
    path = checkpoint.folder / "config.json"
    if not path.is_file():
        adapter = (checkpoint.folder / "adapter_config.json").is_file()
        raise ModelUnavailableError(
            f"{checkpoint.folder} has no config.json"
            + ("; it is an adapter: give it as CYTOSCRIBE_ADAPTER" if adapter else "")
        )
    with damage_named(checkpoint.folder):
        kind = json.loads(path.read_text("utf-8")).get("model_type")
    if kind != "paligemma":
        raise ModelUnavailableError(
            f"{checkpoint.folder} is a {kind!r} model, not a PaliGemma; give a PaliGemma 1 or 2"
            " checkpoint such as google/paligemma2-3b-mix-448"
        )
