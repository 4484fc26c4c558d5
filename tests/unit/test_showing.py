"""Which questions name what the library should show."""

import pytest

from agent.showing import SIGNS, shown_words, signs, surely_shown
from tools.findings.names import in_our_words, named_types


def named(question: str, has_image: bool = False) -> str:
    return shown_words(question, has_image)


@pytest.mark.parametrize(
    "question, words",
    [
        ("Show me eosinophils", "eosinophils"),
        ("I would like to see basophils and eosinophils", "basophils eosinophils"),
        ("show me cells with a bilobed nucleus", "bilobed nucleus"),
        ("eosinophil images, please", "eosinophil"),
        ("Do you have images of sickle cells?", "sickle cells"),
        ("Zeig mir Bilder von Lymphozyten", "Lymphozyten"),
        ("montre-moi des plaquettes", "plaquettes"),
        ("muéstrame basófilos", "basófilos"),
        ("Mostrami immagini di neutrofili", "neutrofili"),
        ("show me platelets and papers about them", "platelets"),
        ("eosinophil examples pls", "eosinophil"),
        ("retrieve top-10 labelled platelets from the index", "platelets"),
        ("I would like to see images of immature granulocytes of the atlas, to compare after",
         "immature granulocytes"),
        ("Any reference photographs of neutrophils in the library I could put beside my film?",
         "neutrophils"),
        ("Could I have some example eosinophils plus a couple of reviews?", "eosinophils"),
        ("GIVE ME MONOCYTE PICTURES AND A PAPER ON CMML", "MONOCYTE"),
        ("colon adenocarcinoma tiles from the reference set", "colon adenocarcinoma"),
        ("hypersegmented neutrophil, examples?", "hypersegmented neutrophil"),
        ("koilocyte examples", "koilocyte"),
        ("pictures of snowflakes", "snowflakes"),
        ("search images: Howell-Jolly bodies", "Howell Jolly bodies"),
        ("plt / examples / 5", "platelet"),
        ("Zeig mir bitte ein paar Beispielbilder von Lymphozyten aus der Bibliothek",
         "Lymphozyten"),
        ("gibts bei euch Thrombozytenfotos?", "Thrombozyten"),
        ("Sortez-moi une dizaine de lymphocytes de la banque d'images", "lymphocytes"),
        ("Necesito imágenes de referencia de linfocitos reactivos", "linfocitos reactivos"),
        ("Avete foto di eritroblasti in archivio?", "eritroblasti"),
        ("Queria umas fotos de basófilo pra minha apresentação", "basófilo"),
        ("Heb je voorbeelden van lymfocyten?", "lymfocyten"),
    ],
)  # fmt: skip
def test_a_question_that_asks_to_see_something_names_it(question, words):
    assert named(question) == words


@pytest.mark.parametrize(
    "question",
    [
        "show me similar cells",
        "Show me eosinophils like this one",
        "show me images of my cell",
        "find the eosinophils in this image",
        "show me papers on eosinophils",
        "monocytes similar to mine",
        "Find me archive tiles that resemble the attached section",
        "closest ones in the atlas?",
        "show me the weather",
        "Show me more",
        "",
    ],
)
def test_what_compares_points_or_asks_for_something_else_names_nothing(question):
    assert named(question) == ""


@pytest.mark.parametrize(
    "question",
    ["show me eosinophil counts in asthma", "What does an eosinophil look like?", "eosinophils",
     "show me the weather", "Show me similar cells"],
)  # fmt: skip
def test_only_a_wish_to_see_what_the_schema_names_is_certain(question):
    assert not surely_shown(question, has_image=False)
    assert surely_shown("may I see your schistocytes?", has_image=False)


def test_signs_are_as_many_with_words_as_without():
    for text in ("", "show me eosinophils like mine"):
        assert len(signs(text, has_image=True)) == SIGNS


def test_beside_an_image_what_could_be_in_it_is_not_the_librarys():
    assert named("find eosinophils") == "eosinophils"
    assert named("find eosinophils", has_image=True) == ""
    assert named("show me the nucleus", has_image=True) == ""
    assert named("show me eosinophils", has_image=True) == "eosinophils"
    asked = "Setting mine aside, show me textbook basophils from the library"
    assert named(asked, has_image=True) == "basophils"


def test_cell_types_are_looked_up_as_the_schema_calls_them():
    assert in_our_words("Thrombozyten") == "platelet"
    assert in_our_words("nucleated red blood cells") == "erythroblast"
    assert in_our_words("band neutrophils") == "band neutrophil"
    assert in_our_words("bilobed nucleus") == "bilobed nucleus"
    assert in_our_words("my cells") == "my cells"  # "my" is a code of myelocytes
    assert named_types("basophils and eosinófilos") == ("basophil", "eosinophil")
