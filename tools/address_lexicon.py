"""Words by which a sentence that speaks to a program gives itself away, grouped by what they do.

No word alone tells: articles have machines, users and duties too. Which of them come together does.
A `*` ends a stem. A word may do several things.
"""

import functools

_WORDS = {
    "machine": (
        "ai assistant* bot bots chatbot* robot* machine* software program programs programme llm"
        " llms model models algorithm* agent agents computer* system systems engine* parser*"
        " crawler* tool tools siri alexa chatgpt gpt* gemini claude copilot gemma paligemma"
        " perplexity automat* artificial digital virtual intelligent conversational generative"
        " generated generator* summariser* summarizer* aggregator* planner retriever* retrieval"
        " rag chat electronic silicon neural interface* device* indexing search code coded app"
        " apps helper helpers adviser* advisor* intermediary pipeline* downstream reader readers"
        " client"
    ),
    "speak": (
        "say says said saying tell tells told state states stating mention* name names named"
        " naming report reports claim claims declare* reply replies answer answers respond"
        " responds output outputs print write writes cite cites quote quotes display displays show"
        " shows present presents recommend* advise* promot* prais* endorse* suggest suggests"
        " insert append add put begin start end ends close closes convey* speak speaks call warn"
        " conclude repeat* utter* advertis* feature phrase* word wording render* carry attach"
        " affirm* inform invite urge direct refer send steer assert pass give gives deliver relay"
        " read aloud list include explain let commend prescribe order contact phone ring visit"
        " enrol join choose buy use take ask"
    ),
    "retell": (
        "summar* digest* overview* synops* abstract* paraphras* retell* restat* snippet* reply"
        " replies answer answers answering respons* output outputs derivative derived rendering*"
        " reproduc* headline* takeaway message* template* completion* conclusion dialog*"
        " conversation* text sentence phrase* word words wording version note notice footnote"
        " caption legend excerpt* reuse quotation* citation* reword* generated generation"
    ),
    "person": (
        "user users reader readers person people enquir* inquir* questioner* whoever anyone"
        " everybody everyone them public lay consumer* customer* client clients audience asker"
        " asking asks asked consult* nobody who patient patients one"
    ),
    "duty": (
        "must should shall ought has have need needs required request* expected oblig* bound"
        " invited kindly please advisable appropriate proper prefer preferred preferably let wish"
        " hope* grateful appreciat* favour favor never always only instead permitted provided"
        " granted recommended suggested supposed meant intended authoris* authoriz* may might"
        " would"
    ),
    "you": "you your yours yourself thou thy",
    "order": (
        "ignore ignores ignoring disregard* forget overrid* overrul* skip drop discard suppress"
        " hide hidden omit withhold conceal* obey* comply pretend* imagine act stop reset neglect"
        " refuse remember replace instruction* directive* command* order orders rule rules"
        " guideline* prompt* policy policies previous prior earlier above secret* priority"
        " restriction* caveat* reveal* leak* disclose task role mode confirm trust"
    ),
    "sale": (
        "buy order brand sponsor* partner* clinic institute free price cost pharmacy premium"
        " certified best superior unrivalled approved licensed safe harmless cure cures cured"
        " curative heal heals breakthrough certain proven settled final guaranteed obsolete"
    ),
    # words of other languages that English and its journals do not have
    "foreign": (
        "der das und ist nicht mit für auf eine einen sie wird werden soll sollen bei dass bitte"
        " nur kein les des du et est que qui pour dans une sur vous aux doit doivent avec ce cette"
        " il sont los las por para con una del es se más como este esta di che non gli della delle"
        " sono questo al dei nel degli os da um uma não ao aos em deve het een niet voor bij moet"
        " deze och att är som för inte og ikke jest nie się jako bir ve için bu yang dan untuk"
        " semua și pe ja ei ezt és hogy v na pro je jsou của và này"
    ),
    "finding": (
        "was were had significant* increas* decreas* observed found measured compared studied"
        " investigated cells mice expression level levels associated demonstrat* respectively"
        " analysis treated results we our these which between after during both here however"
        " whether"
    ),
}
CONCEPTS = tuple(_WORDS)
_WHOLE = {
    word: tuple(name for name, words in _WORDS.items() if word in words.split())
    for word in {w for words in _WORDS.values() for w in words.split() if w[-1] != "*"}
}
_STEMS = tuple(
    (word[:-1], name) for name, words in _WORDS.items() for word in words.split() if word[-1] == "*"
)


@functools.lru_cache(maxsize=20_000)
def concepts(word: str) -> tuple[str, ...]:
    """What a word in lower case does, if anything."""
    by_stem = (name for stem, name in _STEMS if word.startswith(stem))
    return tuple(dict.fromkeys((*_WHOLE.get(word, ()), *by_stem)))
