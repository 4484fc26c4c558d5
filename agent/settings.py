"""Settings: values only, each written once; the CLI and the docs derive from the fields.

Read from the environment (prefix `CYTOSCRIBE_`, Langfuse by its own names) and from `.env`.
Nothing is built, opened or downloaded here. A misspelt variable is not noticed: `.env` files and
the environment hold other programs' variables too.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from tools.errors import BadInputError

LITE_CHECKPOINT = Path(__file__).parent / "checkpoints" / "lite"
# Postgres runs under another account when root starts it, which a private home keeps out.
_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
DATA_DIR = Path("/var/lib/cytoscribe" if _ROOT else "~/.local/share/cytoscribe")


# What is hidden of texts that leave the database.
MaskLevel = Literal["nothing", "identifiers", "text"]


def _langfuse(name: str) -> AliasChoices:
    return AliasChoices(f"CYTOSCRIBE_{name}", name)


class Settings(BaseSettings):
    """All options of Cytoscribe; `cytoscribe settings` prints them."""

    model_config = SettingsConfigDict(
        env_prefix="CYTOSCRIBE_", env_file=".env", extra="ignore", frozen=True,
        protected_namespaces=(), populate_by_name=True, env_ignore_empty=True,
    )  # fmt: skip

    # model
    model: str = Field(
        str(LITE_CHECKPOINT),
        description="PaliGemma checkpoint: hub id (google/paligemma2-3b-mix-448) or a folder; "
        "default: the lite one shipped here.",
    )
    model_revision: str | None = Field(None, description="Hub revision to pin (commit or tag).")
    adapter: str | None = Field(None, description="PEFT adapter (hub id or folder) on the model.")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps.")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="Weights' type; auto: bfloat16 on a GPU, float32 on a CPU."
    )
    max_new_tokens: int = Field(128, ge=1, le=2048, description="Longest text the model writes.")
    weigh_cases: bool = Field(
        True,
        description="Weigh a cell's attributes with those of similar cases that agree on its type.",
    )
    abstain: bool = Field(
        True,
        description="Say nothing of images unlike all that the model was taught, such as charts.",
    )
    min_probability: float = Field(
        0.5, ge=0, le=1, description="A finding below this probability is not claimed."
    )

    # measuring
    segmenter: Literal["scikit-image", "cellpose", "stardist"] = Field(
        "scikit-image",
        description="Who segments nuclei: scikit-image, cellpose or stardist (installed by you).",
    )
    pixel_size_um: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="Size of a pixel in µm; 0: as an OME-TIFF states it, else sizes in pixels.",
    )

    # library
    database_url: SecretStr = Field(
        SecretStr(""), description="Postgres URL with pgvector; empty: the embedded one."
    )
    data_dir: Path = Field(
        DATA_DIR,
        description="Folder of the embedded database and of uploaded images; default: "
        "~/.local/share/cytoscribe, for root /var/lib/cytoscribe.",
    )
    text_encoder: str = Field(
        "minilm",
        description="Sentence encoder of a new library: minilm (offline package), pubmedbert, "
        "medcpt, bge-base or another of tools/encoder_registry.py, a folder or a hub id.",
    )
    similar_cases: int = Field(6, ge=1, le=100, description="Similar cases per question.")
    case_source: str | None = Field(None, description="Only cases of this data set are similar.")
    case_licence: str | None = Field(None, description="Only cases under this licence.")
    case_stain: str | None = Field(None, description="Only cases labelled with this stain.")
    case_modality: str | None = Field(None, description="Only cases of this modality.")
    reranker: str = Field(
        "linear",
        description="Second look at the first passages: linear (no download), off, or a "
        "cross-encoder by hub id or folder (ncbi/MedCPT-Cross-Encoder).",
    )
    passages: int = Field(5, ge=1, le=100, description="Literature passages per question.")
    starter_library: bool = Field(
        True, description="Fill an empty library with the starter cases and bibliography."
    )

    # optional text model (any OpenAI-compatible server)
    text_model: str | None = Field(None, description="Text model's name; unset: extractive.")
    text_model_url: str | None = Field(
        None, description="Base URL of its server, e.g. http://127.0.0.1:11434/v1 (Ollama)."
    )
    text_model_key: SecretStr | None = Field(None, description="API key of that server.")
    max_steps: int = Field(
        4, ge=1, le=20, description="Rounds of tool calls in a turn, before it is answered."
    )
    router: Literal["head", "text-model"] = Field(
        "head", description="Who plans a turn: the trained head, or the text model by functions."
    )

    # optional judge of `cytoscribe eval rag` (any OpenAI-compatible server)
    judge_model: str | None = Field(None, description="Judge's name; unset: no judge is asked.")
    judge_url: str | None = Field(
        None, description="Base URL of its server, e.g. http://127.0.0.1:8000/v1 (vLLM)."
    )
    judge_key: SecretStr | None = Field(None, description="API key of that server.")
    judge_images: bool = Field(
        False, description="Send the judge the images, too; it must be a model that sees."
    )

    # PubMed
    ncbi_api_key: SecretStr | None = Field(None, description="NCBI key: 10 requests a second.")
    ncbi_email: str | None = Field(None, description="Your address, as NCBI asks of scripts.")
    ncbi_base_url: str = Field(
        "https://eutils.ncbi.nlm.nih.gov/entrez/eutils", description="E-utilities' address."
    )

    # front end
    host: str = Field("127.0.0.1", description="Address the page binds to.")
    port: int = Field(8501, ge=1, le=65535, description="Port the page binds to.")
    max_upload_mb: int = Field(50, ge=1, description="Largest image file taken, in MB.")
    max_pixels: int = Field(
        100_000_000, ge=1, description="Largest image taken, in pixels (decompression bombs)."
    )
    expert_role: str | None = Field(None, description="Role noted with feedback by default.")

    # report
    cpu_hour_price: float | None = Field(
        None, ge=0, allow_inf_nan=False,
        description="What an hour of CPU costs you; unset: the report tells no money.",
    )  # fmt: skip
    million_tokens_price: float | None = Field(
        None, ge=0, allow_inf_nan=False,
        description="What a million tokens of the text model cost you, read and written alike.",
    )  # fmt: skip
    currency: str = Field("USD", description="Of the prices.")

    # Langfuse (its own variable names)
    langfuse_public_key: str | None = Field(
        None, validation_alias=_langfuse("LANGFUSE_PUBLIC_KEY"), description="Langfuse key."
    )
    langfuse_secret_key: SecretStr | None = Field(
        None, validation_alias=_langfuse("LANGFUSE_SECRET_KEY"), description="Langfuse secret."
    )
    langfuse_base_url: str = Field(
        "https://cloud.langfuse.com",
        validation_alias=AliasChoices("LANGFUSE_BASE_URL", "LANGFUSE_HOST"),
        description="Langfuse server; nothing is sent unless both keys are set.",
    )

    # traces
    user: str | None = Field(None, description="Who asks, as the traces say (an id, not a name).")
    trace_tags: str = Field(
        "", description="Tags of the traces, separated by commas: ward-3,trial."
    )
    export_mask: MaskLevel = Field(
        "identifiers",
        description="What `cytoscribe trace export` hides: identifiers (names, ids and dates, as "
        "far as rules find them), text (all free text as well) or nothing.",
    )
    langfuse_mask: MaskLevel = Field(
        "nothing", description="The same for what is sent to Langfuse."
    )
    langfuse_case_images: bool = Field(
        False, description="Send thumbnails of similar cases to Langfuse; uploads are never sent."
    )

    def data_folder(self) -> Path:
        """`data_dir`, absolute; it may not exist yet."""
        return self.data_dir.expanduser().resolve()

    def tags(self) -> list[str]:
        """`trace_tags` one by one."""
        return [tag.strip() for tag in self.trace_tags.split(",") if tag.strip()]

    def hash(self) -> str:
        """Twelve hex digits that tell whether two turns ran under the same settings."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process; an `overrides` value goes before the environment.

    Raises BadInputError naming the variable, the value and what is wrong with it.
    """
    try:
        return Settings(**{name: v for name, v in overrides.items() if v is not None})
    except ValidationError as e:
        raise BadInputError("; ".join(_in_words(error) for error in e.errors())) from None


def variables(name: str) -> list[str]:
    """The environment variables that set an option, the one to recommend first."""
    field = Settings.model_fields[name]
    if isinstance(field.validation_alias, AliasChoices):
        names = [str(choice) for choice in field.validation_alias.choices]
        return sorted(names, key=lambda n: n.startswith("CYTOSCRIBE_"))  # Langfuse's own first
    return [f"CYTOSCRIBE_{name.upper()}"]


def _in_words(error: Mapping[str, Any]) -> str:
    place = str(error["loc"][0]) if error["loc"] else "settings"
    variable = variables(place)[0] if place in Settings.model_fields else place.upper()
    return (
        f"{variable}={error['input']!r} cannot be used: {error['msg']} "
        "(.env.example explains each option)"
    )
