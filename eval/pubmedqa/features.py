"""What the head reads: the form of the question, and cues in the sentences that tell the results.

Cues are counted by the sentence: negated and non-significant findings, p-values on either side of
.05, comparisons, hedges. Words are counted too, those after a negation as their opposites, numbers
and p-values as such. No sentence is understood: "similar complications" is good news for "is it
safe?" and bad for "is there a difference?", and the head only knows how often each was so.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from agent.wording import split_sentences
from eval.pubmedqa.questions import Question

Features = dict[str, float]

# Sections that tell what was found; without one of them the last section is read.
RESULTS = re.compile(r"RESULT|FINDING|CONCL|OUTCOME")
_FOUND = (
    r"significan\w*|differ\w*|associat\w*|correlat\w*|effect|affect\w*|influenc\w*|relat\w+|"
    r"improve\w*|increase\w*|evidence|change\w*|predict\w*|benefit|advantage|impact"
)
CUES: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "negated": rf"\b(no|not|nor|without|non|neither|lack of)\b[^.;]{{0,40}}\b({_FOUND})\b",
        "alike": r"\b(non-?significant\w*|insignificant\w*|ns|not statistically|did not differ|"
        r"no difference|similar|comparable|equivalent|unchanged|equal|same)\b",
        "not": r"\b(not|no|neither|nor|none|never|without|cannot|failed|unable|lack\w*|absence|"
        r"rarely|few)\b",
        "significant": r"(?<!not )(?<!no )(?<!non-)\bsignificant(ly)?\b",
        "found": r"\b(associated with|correlated?|predict\w*|higher|lower|greater|increased?|"
        r"decreased?|reduced|improved?|better|worse|more likely|independent(ly)?|effective\w*|"
        r"successful\w*)\b",
        "hedged": r"\b(may|might|could|possibl\w*|suggest\w*|potential\w*|unclear|however|although|"
        r"but|only|some|further|limited|whereas|while|trend|tend\w*|except)\b",
        "p_below": r"\bp\s*[<=≤]+\s*0?\.(0[0-4]\d*|05(?!\d))",
        "p_above": r"\bp\s*[=>≥]+\s*0?\.(0[5-9]|[1-9])\d*",
        "interval": r"\b(ci|confidence interval)\b",
    }.items()
}
AUXILIARIES = re.split(r"\s+", "is are does do can should was were did has have will could would")
ASKED = re.split(
    r"\s+",
    "accura adequate affect all always any associat benefi better correlat differen effective "
    "enough factor feasible good help impact importan improve increase influence justif mandatory "
    "marker matter more necessary need only or possible predict really reduce relate reliable risk "
    "role routine safe same still sufficient too useful valid worth",
)
_NEGATIONS = frozenset(
    ("no", "not", "nor", "without", "neither", "cannot", "never", "non", "lack", "failed")
)
REACH = 6  # words after a negation that it turns


def features(question: Question) -> Features:
    """All features by name; one that is not there is 0."""
    said = results(question)
    return {
        **dict(_form(question.text.lower())),
        **dict(_cues(said)),
        **_words("result", tokens(" ".join(said))),
        **_words("question", tokens(question.text)),
    }


def results(question: Question) -> list[str]:
    """The sentences that tell what was found."""
    pairs = list(zip(question.labels, question.contexts, strict=True))
    told = [text for label, text in pairs if RESULTS.search(label)] or [t for _, t in pairs[-1:]]
    return [sentence for text in told for sentence in split_sentences(text)]


def tokens(text: str) -> list[str]:
    """Words in lower case, "!word" after a negation, "#" for a number, "p<" and "p>" for p-values.

    "no difference (p = .3)" -> ["no", "!difference", "p>"]
    """
    text = CUES["p_above"].sub(" p> ", CUES["p_below"].sub(" p< ", text)).lower()
    found, reach = [], 0
    for token in re.findall(r"p[<>]|[a-z]+|\d+(?:[.,]\d+)*|[.;,]", text):
        if token in ".;,":
            reach = min(reach, 2) if token == "," else 0
        elif token in _NEGATIONS:
            found.append(token)
            reach = REACH
        else:
            word = "#" if token[0].isdigit() else token
            turned = reach > 0 and token not in ("p<", "p>")
            found.append(f"!{word}" if turned else word)
            reach -= 1
    return found


def _words(where: str, said: Sequence[str]) -> Features:
    """Each word that occurs, of length 1 together."""
    once = {f"{where}:{token}" for token in said}
    return dict.fromkeys(once, len(once) ** -0.5) if once else {}


def _form(text: str) -> Iterator[tuple[str, float]]:
    """How the question is put: its verb, whether a topic comes first, what it asks for."""
    verbs = re.findall(rf"\b({'|'.join(AUXILIARIES)})\b", text)
    yield f"verb:{verbs[-1] if verbs else 'none'}", 1.0
    yield "topic first", float(":" in text)
    yield "verb first", float(bool(verbs) and text.startswith(verbs[0]))
    yield "length", min(len(text.split()), 40) / 20
    yield from ((f"asks:{w}", 1.0) for w in ASKED if re.search(rf"\b{w}", text))


def _cues(said: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Of each cue: its mean over the sentences, its count, and whether the last has it."""
    yield "sentences", min(len(said), 20) / 10
    for name, pattern in CUES.items() if said else ():
        counts = [min(len(pattern.findall(sentence)), 2) for sentence in said]
        yield f"mean:{name}", sum(counts) / len(said)
        yield f"count:{name}", min(sum(counts), 5) / 5
        yield f"last:{name}", float(counts[-1])
    against = [bool(CUES["negated"].search(s) or CUES["alike"].search(s)) for s in said]
    found = [
        bool(CUES["significant"].search(s) or CUES["p_below"].search(s)) and not turned
        for s, turned in zip(said, against, strict=True)
    ]
    if said:
        yield "balance", (sum(found) - sum(against)) / len(said)
        yield "last balance", float(found[-1]) - float(against[-1])
