"""The card of a reviewed training set, in the form of the Hugging Face hub."""

from collections.abc import Mapping, Sequence
from typing import Any

from huggingface_hub import DatasetCard, DatasetCardData

from finetune.cards import RESEARCH, page, size_category
from finetune.feedback.consensus import RULE


def feedback_card(told: Mapping[str, Any], files: Sequence[str]) -> DatasetCard:
    """`told` holds the numbers of `finetune.feedback.export.Exported`."""
    data = DatasetCardData(
        language="en",
        license="other",
        license_name="not-stated",
        pretty_name="Reviewed cell images",
        task_categories=["visual-question-answering", "image-to-text"],
        size_categories=[size_category(told["rows"])],
        tags=["expert-corrections", "research-use-only"],
        configs=[{
            "config_name": "default",
            "data_files": [{"split": name.removesuffix(".jsonl"), "path": name} for name in files],
        }],
    )  # fmt: skip
    return DatasetCard(page(data.to_yaml(), _text(told)))


def _text(told: Mapping[str, Any]) -> str:
    return "\n".join(
        [
            "# Reviewed cell images", "",
            "What professionals said of a model's answers about images: right, or corrected.", "",
            RESEARCH, "",
            "## Numbers",
            f"{told['corrections']:,} corrections by {told['reviewers']:,} reviewer(s) in"
            f" {told['sessions']:,} session(s); {told['rows']:,} rows about {told['images']:,}"
            f" images: {told['train']:,} to train on, {told['dev']:,} to develop,"
            f" {told['test']:,} to test; {told['conflicts']:,} in conflict;"
            f" {len(told['missing']):,} image(s) left out because their file is gone.", "",
            "## Consensus", RULE,
            "`conflicts.jsonl` lists what is not settled, with every vote; no row is made of it.",
            "",
            "## Splits",
            "By session: all images of a session, and of sessions that share an image, are on one"
            " side. The first session ever reviewed is trained on, the others by a hash of their"
            " name: 75% to train on, 10% to develop, 15% to test.", "",
            "## Fields",
            "`image`, `prefix` and `suffix` are what PaliGemma is trained on; `truth` names what"
            " was asked; `group` is the session; `votes` holds who said what, in which role, when,"
            " and beside it what the model had said, with its probability.", "",
            "## Limits",
            "Reviewers saw the model's answer first, which draws towards it. Images were chosen by"
            " users, not at random. Licence and consent are those of whoever brought the images:"
            " settle them before anything is shared.",
        ]
    )  # fmt: skip
