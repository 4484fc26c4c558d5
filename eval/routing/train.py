"""Train the router's head on the questions of eval/data/routing.

    python -m eval.routing.train --out head.json

Trained on train.jsonl and dev.jsonl, after the figures of a head of train.jsonl alone on dev.jsonl
are told; test.jsonl is not read. Without --out nothing is written.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from agent.router import INTENTS, Router
from agent.routing_features import features
from agent.set_aside import asked
from agent.settings import load_settings
from eval.routing.rows import DATA, Row, read_rows
from eval.routing.scoring import figures, route_all
from tools.linear_head import LinearHead, fit, write_head
from tools.protocols import TextEncoder

PENALTY = 0.3  # chosen on voices left out of training


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A new file.")
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path), default=DATA,
    help="Folder of train.jsonl and dev.jsonl.",
)  # fmt: skip
def main(out: Path | None, data: Path) -> None:
    """Tell the figures of the dev side, and write a head of both sides to --out."""
    from agent.build import ROUTING_ENCODER, open_encoder

    if out and out.exists():
        raise click.UsageError(f"--out {out} exists; name another file, or delete it first")
    encoder = open_encoder(load_settings(text_encoder=ROUTING_ENCODER))
    rows, dev = read_rows(data / "train.jsonl"), read_rows(data / "dev.jsonl")
    told = figures(route_all(dev, Router(encoder, train(rows, encoder))))
    click.echo(json.dumps(told))
    if out:
        digest = hashlib.sha256((data / "train.jsonl").read_bytes())
        digest.update((data / "dev.jsonl").read_bytes())
        write_head(
            out,
            train([*rows, *dev], encoder),
            encoder=encoder.name,
            data=f"{len(rows) + len(dev)} questions of our own, sha256 {digest.hexdigest()}",
            licence="Apache-2.0",
            dev_exact_set=round(told["exact_set"], 4),
        )


def train(rows: Sequence[Row], encoder: TextEncoder) -> LinearHead:
    """One logistic regression an intent; deterministic."""
    situations = [row.situation() for row in rows]
    matrix = features([asked(row.question) for row in rows], situations, encoder)
    targets = np.array([[float(intent in row.asks) for intent in INTENTS] for row in rows])
    return fit(matrix, targets, INTENTS, PENALTY, "sigmoid")


if __name__ == "__main__":
    main()
