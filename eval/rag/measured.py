"""The measures of one answered row, by name, and what each of them means."""

from collections.abc import Mapping

from eval.rag.answered import Answered
from eval.rag.references import References, is_article
from eval.rag.rows import Row
from eval.ragas_metrics import Sample

# name -> meaning, in the order of the table
WITHOUT_JUDGE: Mapping[str, str] = {
    "id_context_precision": "retrieved articles that are references (RAGAS, id-based)",
    "id_context_recall": "reference articles that were retrieved (RAGAS, id-based)",
    "cited_precision": "articles cited in the answer that are references (RAGAS, id-based)",
    "cited_recall": "reference articles that the answer cites (RAGAS, id-based)",
    "text_context_precision": "average precision of the passages, by likeness of text (RAGAS)",
    "text_context_recall": "reference passages found, by likeness of text (RAGAS)",
    "case_precision": "similar cases of the reference class (RAGAS, id-based)",
    "tool_call_accuracy": "right tools called, all or nothing (RAGAS; names, any order)",
    "tool_call_f1": "F1 of the tools called (RAGAS; names)",
    "quoted_spans": "quotations that stand in the evidence word for word (RAGAS)",
    "abstention": "answered where there is an answer, abstained where there is none",
    "semantic_similarity": "cosine of answer and reference answer (RAGAS, our encoder)",
    "rouge_l": "ROUGE-L of answer and reference answer (RAGAS)",
    "chrf": "chrF of answer and reference answer (RAGAS)",
}
JUDGED: Mapping[str, str] = {
    "faithfulness": "claims that the evidence supports (RAGAS, judge)",
    "answer_relevancy": "whether the answer is to the question (RAGAS, judge)",
    "image_faithfulness": "whether image and evidence support the answer (RAGAS, judge)",
    "image_relevance": "whether it is to the question, with the image (RAGAS, judge)",
}
MEANINGS: Mapping[str, str] = {**WITHOUT_JUDGE, **JUDGED, "seconds": "seconds a turn, mean"}


def sample(row: Row, told: Answered, references: References) -> Sample:
    """The row and its turn as RAGAS reads them."""
    wanted = references.ids(row)
    articles = [one for one in wanted if is_article(one)]
    return Sample(
        question=told.question,
        answer=told.answer,
        claims=told.claims,
        contexts=told.contexts,
        passages=told.passages,
        article_ids=told.article_ids,
        cited_article_ids=told.cited_article_ids,
        case_ids=told.case_ids,
        tools=told.tools,
        reference_answer=row.reference_answer,
        reference_article_ids=articles,
        reference_case_ids=[one for one in wanted if not is_article(one)],
        reference_passages=references.texts(articles),
        reference_tools=row.reference_tools,
    )


def abstention(row: Row, told: Answered) -> float:
    """1 where the turn abstained and should, or answered and should; a failed turn is wrong."""
    return float(told.status == ("abstained" if row.abstain else "grounded"))
