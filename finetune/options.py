"""The options that every command here has which fits something for a checkpoint."""

from pathlib import Path

import click

data = click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
    help="Folder that holds the training sets.",
)  # fmt: skip
checkpoint = click.option(
    "--checkpoint", default="agent/checkpoints/lite", help="Folder of the weights."
)
