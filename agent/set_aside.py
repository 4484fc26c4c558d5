"""Leave out of a question what it sets aside: "no papers, just describe it" asks for no papers.

A part between commas or stops that begins with a "no" of our six languages is not asked for, and
neither is an image that is spoken of only to be passed over. Nothing but words is read.
"""

import re

_NO = (
    r"no(?! (?:doubt|idea|worries))|not(?! (?:only|just|sure))|without|skip|ignore|disregard|"
    r"forget|never ?mind|leave|leaving|do not|don.?t|i do(?: not|n.?t) (?:need|want)|neither|"
    r"kein\w*|nicht(?! nur)|ohne|vergiss|vergessen sie|"
    r"pas d[e'’]|sans|oubli\w+|ne \w+ pas|laiss\w+|"
    r"sin|olvid\w+|dejando|deja|nada de|no hace falta|"
    r"niente|senza|dimentic\w+|lascia\w*|non serv\w+|"
    r"sem|esque[cç]\w+|deixando|deixe|deixa"
)
_PAST = (
    r"(?:quite |mal |ganz )?(?:apart|aside|besides|beyond|regardless|independent\w*|irrespective|"
    r"other than|weg|abgesehen|unabh[aä]ngig|au(?:ß|ss)er|en dehors|hormis|ind[eé]pendamment|"
    r"[aà] part|aparte?|al margen|a prescindere|[aà] parte|fora|al[eé]m|independente\w*)"
    r"\b[^,;:.!?]*\b(?:image|picture|photo\w*|slide|upload|capture|figure|panel|attachment|micrograph|"
    r"\w*bild|\w*aufnahme|\w*foto\w*|abbildung|cliché|lame|imagen|immagine|imagem|vetrino|lâmina)"
)
_STOP = r"[,;:.!?]"
_FIRST = re.compile(
    rf"(?:^|(?<={_STOP}))\s*(?:{_NO}|{_PAST})\b[^,;:.!?]*{_STOP}+\s*(?=\S)", re.IGNORECASE
)
_LAST = re.compile(rf"{_STOP}\s*(?:{_NO})\s[^,;:.!?]+[.!]?$", re.IGNORECASE)


def asked(question: str) -> str:
    """The question without what it sets aside; the whole where hardly a word would be left."""
    left = _LAST.sub("", _FIRST.sub(" ", question)).strip()
    return left if re.search(r"\w\w\W*$|\w \w", left) and len(left) > 3 else question
