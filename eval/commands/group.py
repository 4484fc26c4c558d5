"""Measure Cytoscribe on labelled data: figures with intervals and controls."""

import click

from eval.commands.abstention import abstention
from eval.commands.descriptions import descriptions
from eval.commands.pubmedqa import pubmedqa
from eval.commands.quick import quick
from eval.commands.rag import rag, rag_compare
from eval.commands.retrieval import retrieval
from eval.commands.routing import routing
from eval.commands.similar import similar
from eval.commands.trust import trust
from eval.questions import questions


@click.group("eval")
def eval_group() -> None:
    """Measure Cytoscribe on labelled data: figures with intervals and controls.

    \b
    Examples:
      cytoscribe eval descriptions --dataset classes --root leukocytes/
      cytoscribe eval descriptions --dataset voc --root BCCD/ --json
      cytoscribe eval questions --data DIR
      cytoscribe eval retrieval --beir scifact/ --json
      cytoscribe eval similar --library train/ --queries test/
      cytoscribe eval trust --data DIR
      cytoscribe eval rag --out DIR
      cytoscribe eval routing eval/data/routing/test.jsonl
      cytoscribe eval pubmedqa --data ori_pqal.json --ids test_ground_truth.json --out said.json
      cytoscribe eval abstention --beir scifact/
      cytoscribe eval quick
    """


eval_group.add_command(descriptions)
eval_group.add_command(questions)
eval_group.add_command(retrieval)
eval_group.add_command(similar)
eval_group.add_command(trust)
eval_group.add_command(rag)
eval_group.add_command(rag_compare)
eval_group.add_command(pubmedqa)
eval_group.add_command(quick)
eval_group.add_command(routing)
eval_group.add_command(abstention)

if __name__ == "__main__":
    eval_group()
