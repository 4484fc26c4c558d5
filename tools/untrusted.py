"""Which text of the literature speaks to a program rather than to a reader.

Articles are data: nothing in them is ever obeyed. A passage that tries to be obeyed ("ignore your
instructions", a call of a tool, a chat's mark-up) is no scientific prose either, so it supports
nothing. Patterns find what is said in so many words, in English and a few other languages; a false
claim in plain prose looks like any other claim and is not found here.
"""

import re
import unicodedata

from tools.evidence import LiteratureEvidence

_ORDERS = (
    # what an instruction is told to forget
    r"\b(ignore|disregard|forget|override)\b.{0,60}\b(instruction|prompt|rule|"
    r"guideline|polic(y|ies)|context|above|previous|prior|earlier|evidence|image|passage|sources?|"
    r"safety)",
    r"\b(ignorier\w*|vergiss|missachte\w*)\b.{0,60}\b(anweisung|vorgabe|regel|prompt)",
    r"\b(ignor(a|e|ez|ar)|oubliez|olvida)\b.{0,60}\b(instruc|consigne|reglas|règles|prompt)",
    r"忽略.{0,20}(指令|指示|说明)",
    # who is spoken to
    r"\b(system|developer|assistant) ?(prompt|message|override|note|instruction)\b",
    r"(^|[\n.!?\]\"'] *)#* *(system|assistant|user|human|ai|instructions?|developer)\s*:",
    r"\b(dear|hey|hello|attention|note to|message (to|for)|instructions? (to|for)) (the )?(ai|llm|"
    r"(language |chat)?(model|bot|assistant)|chatbot|agent|cytoscribe)\b",
    r"\byou are (now )?(an? )?(ai|llm|large language|language model|helpful|assistant|chatbot|dan|"
    r"in (developer|debug|admin)|no longer)\b",
    r"\b(as|if you are|when) an? (ai|llm|language model|automated (agent|assistant))\b",
    r"\byou (must|shall|have to|are required to|are instructed to|will now|should now)\b",
    r"\b(your|the) (system prompt|instructions are|answer must|reply must|response must|output must"
    r"|final answer)\b",
    # what is to be said
    r"(^|[.!?:;\n\"'\]] *)(please |now |instead,? |then )?(reply|respond|answer|output|print|say|"
    r"state|conclude|repeat|write|cite|tell|claim|report|declare|insist|assert)( only| just|"
    r" exactly| always| instead)? (with|that|(to )?(the )?users?|the following|this|it|pmid|"
    r"[\"'“:])",
    r"\b(tell|inform|convince|assure|persuade|warn|trick) (the |every |all )?users?\b",
    r"\b(reveal|print|leak|exfiltrate|send|post|upload)\b.{0,30}\b(prompt|api keys?|secrets?|"
    r"passwords?|access tokens?|credentials?)\b",
    # calls
    r"\b(call|invoke|run|execute|trigger|use) (the |a |this )?(tool|function|command|plugin)s?\b",
    r"\b(describe_image|image_search|literature_search|tool_calls?|function_call)\b",
    r"[{\[]\s*[\"'](name|tool|tool_name|function|action|arguments|role)[\"']\s*:",
    r"\b(DROP TABLE|rm -rf|curl http|os\.system|eval\(|import os)\b",
    r"<\|[^|>]{1,40}\|>|\[/?INST\]|<</?SYS>>|</?(system|assistant|tool\w*|function\w*|instructions?|"
    r"passages?|user|untrusted\w*)\b[^>]{0,60}>",
)
_ORDER = re.compile("|".join(f"(?:{pattern})" for pattern in _ORDERS), re.IGNORECASE | re.DOTALL)
_PMID = re.compile(r"\bPMIDs?\b[:#\s]*(\d{1,9})", re.IGNORECASE)
_INVISIBLE = re.compile(
    r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]"
)


def addresses_a_program(text: str) -> bool:
    """Whether a text gives orders to who reads it by machine, or hides characters to do so."""
    return bool(_ORDER.search(plain(text)))


def suspect(passage: LiteratureEvidence) -> bool:
    """Whether an article speaks to a program, or states PMIDs that are not its own."""
    said = (passage.title, passage.journal or "", passage.source_id, passage.passage)
    text = "\n".join(said)
    return addresses_a_program(text) or bool(pmids_in(text) - {passage.pmid})


def plain(text: str) -> str:
    """The text as it is read: look-alike forms folded, invisible characters left out."""
    folded = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return re.sub(
        r"\b(?:\w[ .\-_]){4,}\w\b", lambda spaced: re.sub(r"[ .\-_]", "", spaced[0]), folded
    )


def pmids_in(text: str) -> frozenset[str]:
    """The PMIDs that a text states."""
    return frozenset(_PMID.findall(text))


def without_pmids(text: str, instead: str = "that article") -> str:
    """The text with its PMIDs taken out, so that what a user made up is not told as a source."""
    return _PMID.sub(instead, text)
