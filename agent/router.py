"""Route a question to the tools that answer it: rules where words are certain, else by meaning.

A question is cut into its clauses, and each asks for one tool or several. Where no rule speaks,
the clause goes to the intent whose written prototypes lie closest under the sentence encoder.
Deterministic. It knows nothing of what an image shows, and its prototypes are few: a clause unlike
all of them is out of scope.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from agent.turn import Plan, ToolName
from tools.protocols import TextEncoder

Intent = ToolName | Literal["out_of_scope"]

RULE_CONFIDENCE = 0.95
FOLLOW_UP_CONFIDENCE = 0.7
LEAST_SIMILARITY = 0.15  # cosine to the closest prototype; below, nobody knows what is meant
TEMPERATURE = 0.1  # of the softmax over intents that gives the confidence

ORDER: tuple[ToolName, ...] = ("describe_image", "image_search", "literature_search")
NEEDS_IMAGE: frozenset[ToolName] = frozenset({"describe_image", "image_search"})

RULES: Mapping[ToolName, re.Pattern[str]] = {
    "literature_search": re.compile(
        r"\b(literature|pubmed|pmids?|papers?|publications?|published|stud(y|ies)|articles?|"
        r"journals?|references|citations?|abstracts?|reviews?|meta-analys[ie]s|research)\b"
    ),
    "image_search": re.compile(
        r"\b(similar|alike|look-?alikes?|resembl\w+|neighbou?rs?|comparable|analogous|"
        r"(which|what|other|more|closest|nearest|matching|labell?ed|reference|library) cases|"
        r"cases (do|that|which|like|look|show|are|is|in|from)|"
        r"(other|more|library|reference) (images?|examples?|cells?|pictures?)|"
        r"looks? (just |most )?like (this|that|it|mine|these))\b"
    ),
    "describe_image": re.compile(
        r"(^(please )?(describe|identify|classify|caption)|"
        r"\b(describe|identify|classify|name) (\w+ )?(this|that|these|it|cells?|image|what))\b|"
        r"\b("
        r"(what|which)( \w+)? (cells?|types?|kinds?|stain(ing)?|tissue|modality|magnification)"
        r"( \w+)* (is|are|was|do|does|did|can)\b|"
        r"(what|which) (cell|stain|tissue|kind|type)\b.* (this|that|it|here|shown|image|picture)|"
        r"what('s| is| are) (this|that|these|it|they|shown|here|in (the|this))\b|"
        r"what (do|can) (you|we|i) see|what does (this|it|the (image|picture)) show|"
        r"(in|on|of) (this|the|my|that) (image|picture|photo\w*|slide|smear|field|micrograph)|"
        r"(this|my|that|the) (image|picture|photo\w*|micrograph)|"
        r"how many (?!papers|studies|articles|cases|publications)|count (the|all|its|these))"
    ),
}
ABOUT_THE_IMAGE = re.compile(r"\b(its?|this|that|these|those|here|the (cell|nucleus|cytoplasm))\b")
PARTS_OF_A_CELL = (
    r"(cells?|nucle\w+|chromatin|cytoplasm\w*|granul\w+|vacuol\w+|membrane|outline|lobes?|stain\w*)"
)
# With an image at hand, asked of what can be looked at: "Does the chromatin look dense?"
LOOKING = re.compile(
    rf"^(is|are|does|do|has|have|how (big|large|small|dense|round|dark|many)|"
    rf"what (shape|size|colou?r|texture))\b"
    rf".*\b(the|its|this|these|there|any) (\w+ )?{PARTS_OF_A_CELL}"
)
FOLLOW_UP = re.compile(
    r"^(and|also|then|so|ok(ay)?|what about|how about|what of|now|(tell me )?more|why|are you sure|"
    r"explain|go on|continue|elaborate)\b"
)

# How people ask, a few for each intent; written for this router, from no evaluation set.
PROTOTYPES: Mapping[Intent, tuple[str, ...]] = {
    "describe_image": (
        "What type of blood cell is this?",
        "Describe the morphology of the cell you see.",
        "Is the nucleus of this cell segmented or round?",
        "What colour are the granules in the cytoplasm?",
        "Does this cell look normal or abnormal?",
        "Tell me what the picture shows.",
        "Which stain was used on this slide?",
    ),
    "image_search": (
        "Show me examples from the library that look the same.",
        "Which labelled cells are closest to mine?",
        "Find matching pictures of other patients.",
        "How were cells of this appearance labelled?",
    ),
    "literature_search": (
        "What causes an increased number of immature granulocytes?",
        "What is known about the function of eosinophils in disease?",
        "Why do leukemia cells have prominent nucleoli?",
        "How is hematoxylin and eosin staining used in cancer diagnosis?",
        "What is a neutrophil?",
        "Does chromatin texture predict the prognosis of a tumour?",
        "Which treatment is given for malaria or anaemia?",
        "Is a gene associated with the risk of a disease in patients?",
        "What role do organelles play when cells divide or die?",
        "Does surgery improve the outcome of patients with this condition?",
        "Is a drug therapy effective and safe in children or adults?",
        "What are the risk factors for mortality in hospital patients?",
        "Does a diagnostic test or a biomarker predict the course of an illness?",
        "Is depression more common in people with a chronic disorder?",
        "Do doctors, nurses or medical students follow clinical guidelines?",
        "Does diet, obesity or pregnancy affect health?",
        "Can imaging detect brain, heart or bone injuries?",
    ),
    "out_of_scope": (
        "What's the weather like today?",
        "Tell me a joke.",
        "Who won the football match yesterday?",
        "Write a Python function that sorts a list.",
        "Translate this sentence into French.",
        "What is the capital of Australia?",
        "Recommend a good restaurant nearby.",
        "Hello, how are you?",
        "How do I charge the battery of my cell phone?",
        "Which stock should I buy?",
        "Write me a poem or a story.",
        "Help me with my tax declaration.",
        "What can you do, and who made you?",
        "Which film or music do you like?",
        "Who is the president or the prime minister?",
    ),
}


@dataclass(frozen=True)
class Situation:
    """What the session tells beyond the words."""

    has_image: bool = False  # in this turn or an earlier one
    last_tools: tuple[ToolName, ...] = ()  # the plan of the turn before


@dataclass(frozen=True)
class _Vote:
    """What one clause asks for."""

    intents: tuple[Intent, ...]
    confidence: float
    decided_by: str


class Router:
    """Plans turns; the prototypes are encoded once, when it is made."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._intents = [intent for intent, texts in PROTOTYPES.items() for _ in texts]
        texts = [text for texts in PROTOTYPES.values() for text in texts]
        self._prototypes = encoder.encode_queries(texts)  # (n prototypes, dimension)

    def route(self, question: str, situation: Situation) -> Plan:
        """The tools of a turn, in the order of ORDER, or why there are none."""
        if not question.strip():
            return _without_words(situation)
        votes = [self._vote(clause, situation) for clause in clauses(question)]
        useful = [vote for vote in votes if vote.intents != ("out_of_scope",)]
        wanted = {intent for vote in useful for intent in vote.intents}
        return _plan([tool for tool in ORDER if tool in wanted], useful or votes, situation)

    def words_for(self, tool: ToolName, question: str, situation: Situation) -> str:
        """The clauses of the question that ask for this tool; the whole where none does."""
        asking = [c for c in clauses(question) if tool in self._vote(c, situation).intents]
        return ", ".join(asking) or question

    def _vote(self, clause: str, situation: Situation) -> _Vote:
        return _by_rule(clause.lower(), situation) or self._by_meaning(clause, situation)

    def _by_meaning(self, clause: str, situation: Situation) -> _Vote:
        """The closest intent; without an image or a word about one, not those that need it."""
        cosines = self._prototypes @ self._encoder.encode_queries([clause])[0]
        imagined = situation.has_image or ABOUT_THE_IMAGE.search(clause.lower())
        best: dict[Intent, float] = {}
        for intent, cosine in zip(self._intents, cosines, strict=True):
            if imagined or intent not in NEEDS_IMAGE:
                best[intent] = max(best.get(intent, -1.0), float(cosine))
        chosen = max(best, key=lambda intent: best[intent])
        if best[chosen] < LEAST_SIMILARITY:
            return _Vote(("out_of_scope",), 1.0 - best[chosen], "embedding")
        weights = np.exp((np.array(list(best.values())) - best[chosen]) / TEMPERATURE)
        return _Vote((chosen,), float(1.0 / weights.sum()), "embedding")


def clauses(question: str) -> list[str]:
    """The parts of a question that may each ask for something else.

    "What cell is this, and any papers on it?" -> ["What cell is this", "any papers on it"]
    """
    parts = re.split(
        r"[?!;\n]+|\.(?=\s|$)|,?\s+and\s+(?=(?:what|which|how|why|are|is|do|does|can|any|show|find|"
        r"search|describe|tell|give|list|compare|count|similar|papers|look)\b)|"
        r",\s*(?=(?:what|which|how|why|are|is|do|does|can|any|show|find|search|describe|tell|"
        r"give|list|compare|count|then)\b)",
        question,
        flags=re.IGNORECASE,
    )
    return [part.strip(" ,") for part in parts if part.strip(" ,")] or [question.strip()]


def _by_rule(clause: str, situation: Situation) -> _Vote | None:
    """The tools whose words are there; a follow-up without any goes on with the last ones."""
    fired = [tool for tool in ORDER if RULES[tool].search(clause)]
    if len(fired) > 1 and "describe" not in clause:
        # "what do similar images show" asks for the cases, not for a description
        fired = [tool for tool in fired if tool != "describe_image"]
    if not fired and situation.has_image and LOOKING.search(clause):
        fired = ["describe_image"]
    if fired:
        return _Vote(tuple(fired), RULE_CONFIDENCE, "rules")
    if situation.last_tools and FOLLOW_UP.search(clause):
        about = situation.has_image and ABOUT_THE_IMAGE.search(clause)
        return _Vote(
            ("describe_image",) if about else situation.last_tools, FOLLOW_UP_CONFIDENCE, "rules"
        )
    return None


def _without_words(situation: Situation) -> Plan:
    if not situation.has_image:
        return Plan(outcome="needs_image", reason="Neither a question nor an image was given.",
                    confidence=1.0, decided_by="rules")  # fmt: skip
    return Plan(tools=("describe_image", "image_search"), confidence=1.0, decided_by="rules",
                reason="An image without a question is described and compared.")  # fmt: skip


def _plan(tools: Sequence[ToolName], votes: Sequence[_Vote], situation: Situation) -> Plan:
    confidence = min(vote.confidence for vote in votes)
    decided_by = " + ".join(dict.fromkeys(vote.decided_by for vote in votes))
    if not tools:
        reason = "The question is not about cell images or their literature."
        return Plan(
            outcome="out_of_scope", confidence=confidence, decided_by=decided_by, reason=reason
        )
    usable = [tool for tool in tools if situation.has_image or tool not in NEEDS_IMAGE]
    if not usable:
        return Plan(outcome="needs_image", confidence=confidence, decided_by=decided_by,
                    reason=f"There is no image yet for {' and '.join(tools)}.")  # fmt: skip
    return Plan(tools=tuple(usable), confidence=confidence, decided_by=decided_by,
                unmet=tuple(tool for tool in tools if tool not in usable),
                reason=f"The question asks for {', '.join(tools)}.")  # fmt: skip
