"""PubMed's baseline and update files, made small: citations, later versions, deletions."""

import gzip
import hashlib
from collections.abc import Iterable
from pathlib import Path

HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD '
    'PubMedArticle, 1st January 2024//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_240101.dtd">\n<PubmedArticleSet>\n'
)
CITATION = """<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM">
<PMID Version="{version}">{pmid}</PMID>
<DateRevised><Year>{year}</Year><Month>01</Month><Day>02</Day></DateRevised>
<Article PubModel="Print"><Journal><JournalIssue><PubDate><Year>1999</Year></PubDate></JournalIssue>
<Title>Blood</Title></Journal><ArticleTitle>{title}</ArticleTitle><Abstract>
<AbstractText>{text}</AbstractText></Abstract><PublicationTypeList>
<PublicationType UI="D1">{kind}</PublicationType></PublicationTypeList></Article>
<MeshHeadingList><MeshHeading><DescriptorName UI="D2">{mesh}</DescriptorName></MeshHeading>
</MeshHeadingList></MedlineCitation></PubmedArticle>
"""


def citation(pmid: int, text: str = "", **fields: object) -> str:
    known = {"version": 1, "year": 2020, "title": f"Title {pmid}.", "kind": "Journal Article"}
    own = {"pmid": pmid, "text": text or f"Abstract {pmid} on cells.", "mesh": "Humans"}
    return CITATION.format(**{**known, **own, **fields})


def write(
    path: Path, citations: Iterable[str], deleted: Iterable[int] = (), md5: bool = False
) -> Path:
    gone = "".join(f'<PMID Version="1">{pmid}</PMID>' for pmid in deleted)
    end = f"<DeleteCitation>{gone}</DeleteCitation>" * bool(gone) + "</PubmedArticleSet>\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines((HEAD, *citations, end))
    if md5:
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        path.with_name(f"{path.name}.md5").write_text(f"MD5({path.name})= {digest}\n")
    return path
