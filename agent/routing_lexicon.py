"""Words that tell what a question asks for, in the languages of our laboratories.

Beginnings of words, without accents, in English, German, Spanish, French, Italian and Portuguese,
and laboratory shorthand. A long word that is spelt almost like one of them counts as it.
"""

import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache

LEXICON: Mapping[str, str] = {
    "papers": """
        literature literatur litterature letteratura literatura bibliograf bibliogra papers
        article artikel articol articul artigo pubmed pmid medline publi veroffentlich journal
        references referenz fachlit""",
    "literature": """
        studies study studie estudio estudo etude studi refs referenc cite citation cita citar
        citer citez citi quellen source fuente fonti fontes fonte evidence evidenz review
        abstract research recherch ricerca forschung investigacion pesquisa trials written print
        arbeiten travaux lavori trabalhos reading read lit scien documented meta trial guideline
        leitlini diretriz belege preuve prove treatise scholar""",
    "similar": """
        similar simil ahnlich ahnel vergleich parecid semejant semelhant semblabl ressembl resembl
        alike lookalike neighbour neighbor nachbar vecinos voisins vicini vizinhos comparable
        compare match nearest closest proche cercan prossim others other otras altre
        outras autres andere weitere reference archive library biblioth bibliot archiv collection
        coleccion raccolta banque knn nn sim twin cases casos casi faelle falle cas beispiele
        examples exemplos esempi gleich mas mehr more aehn aussehen aspecto siblings relatives
        share counterpart equivalent analog parallel precedent exemplar resembling kin peers equals
        comparison comparator ressemblance semejanza somiglianz cotej""",
    "describe": """
        describe description beschreib describ decri descri caption identify identif classify
        classif name nombra nommer bestimm morphology morpholog what which was welch que quel
        quelle che qual cual type typ tipo kind count conta compte zahl how wie wieviel combien
        quant cuant analyse interpret befund label predict characteri explain look see shape forma
        form forme findings opinion impression assess evaluat examin apprais inspect verdict annotat
        lineage maturity verify valutazion valoracion avaliac einschatz beurteil stage attribut
        feature erklar erklaer explic espliqu spieg walk colour color farbe couleur""",
    "cell": """
        cell cel celula cellula cellule zelle leukocyt leucocyt leukozyt leucocit wbc rbc
        neutrophil eosinophil basophil monocyt lymphocyt neutrofil eosinofil basofil monocit
        linfocit monozyt lymphozyt blast granul nucleus nuclei nuclear nucle noyau kern zellkern
        chromatin cromatin cytoplasm citoplasm zytoplasma vacuol lobe lobul segment smear frotis
        frottis ausstrich esfregaco striscio tissue gland platelet thrombozyt""",
    "image": """
        image imagen imagem immagin img picture pic pics bild bilder photo foto slide vetrino lame
        lamina preparat preparacion preparation micrograph field gesichtsfeld campo champ upload
        sample muestra amostra probe aufnahme here hier aqui ici qui this diese dieser dieses esta
        este essa cette questa questo""",
    "mine": """
        my mine mein meine meiner meins meinem mi mio mia ma mon minha meu""",
    "that": """
        that those these it its them dazu davon daruber darum eso ello sobre dessus sujet riguardo
        isso such""",
    "disease": """
        disease syndrome anaemia anemia anamie leukaemi leukemi leucemi lymphoma cancer tumour
        tumor sepsis infection infeccion infezion malaria paludisme allerg asthma asma treatment
        treat therapy therap behand tratamien tratament traite cura cause caus ursach prognos
        diagnos risk mortality survival patients children kinder ninos enfant crianc mutation gene
        sichelzell drepano sickle falcif thalass fever fieber fiebre fievre febbre mean meaning
        bedeut signific function funktion funcion fonction funzione funcao drug medikament farmac
        medicam medicament penia osis philia cytosis cytose zytose symptom immun effective wirk""",
    "medicine": """
        cardi hepat nephr renal neuro gastr dermat arthr osteo pulmon haemat hemat onco carcin
        patho surg chirurg cirug vaccin vacun vakzin impf virus viral bacter bakter antibiot fung
        parasit hormon insulin diabet obes hyperten hypoten stroke dementia demenz migraine
        migran epilep schizo depress autis alzheim parkinson arthritis osteopor fractur kidney
        niere rinon rene liver leber foie higado fegato figado heart herz coeur corazon cuore
        coracao lung lunge poumon pulmao polmon brain gehirn cerveau cerebro cervello skin haut
        peau piel pelle bowel intestin darm stomach magen estomac joint knee knie genou rodilla
        ginocchio joelho bone spleen milz bazo milza thyroid schilddrus pancrea bladder prostat
        uter ovar placent pregnan schwanger grossesse embaraz gravid birth geburt neonat newborn
        infant prematur breastfe adolescent elderly chronic acute protein enzym receptor rezeptor
        antibod antikorper anticorp antigen cytokin zytokin genet genom chromosom mutat rna dna
        apoptos autophag mitochond metabol plasm serum ferrit albumin hemoglob haemoglob hamoglob
        collagen kinase inhibitor steroid cortico statin aspirin heparin metformin chemother
        chemio radiother transplant transfus dialys intensiv ventilat anaesth anesth placebo
        randomi randomised cohort incidence prevalen screening biomarker sensitivity specificity
        outcome efficacy relapse remission toxicity malnutrit vitamin folate iron eisen hierro
        ferro zinc allergen copd covid influenz hepatitis tubercul measles rougeole masern
        morbillo sarampo sarampion hiv papillom ebola dengue pneumon bronch sinus otitis tonsil
        append hernia ulcer crohn celia zoliak acupunct akupunkt agopunt physiother exercis""",
    "world": """
        king queen konig president war krieg guerre guerra century capital country ocean river
        mountain desert island planet moon mars galaxy universe universum engine motor turbine
        rocket airplane bridge tower house garden tomato bake boil sauce cake bread restaurant
        beach visa passport ticket holiday vacation urlaub vacances viaje vacanze ferias salary
        gehalt salaire sueldo stipendio mortgage bank stock aktie bourse bolsa borsa invest loan
        credit insurance landlord contract lawyer court painter painting novel author poet
        composer opera guitar piano concert singer actor theatre league team player champion
        olympic chess tennis marathon bicycle windows linux microsoft google excel spreadsheet
        code javascript browser wifi router keyboard screen battery charger camera equation
        integral derivative theorem geometry algebra sqrt horoscope ghost dream soul philosophy
        religion god birthday wedding gift present dress shoes shirt jacket furniture carpet
        perfume zodiac parliament minister election senator crypto bitcoin instagram facebook
        whatsapp tiktok youtube netflix spotify""",
    "smalltalk": """
        hello hi hallo hola bonjour ciao buongiorno ola thanks thank thx danke gracias merci
        grazie obrigad bye tschuss adios revoir joke witz chiste blague barzelletta piada poem
        gedicht poema poeme song lied cancion weather wetter tiempo temps lunch dinner recipe
        pizza coffee kaffee hotel flight flug vuelo vol train zug tren taxi film movie music musik
        musica football fussball futbol buy kaufen comprar acheter price email python phone laptop
        car auto coche voiture time uhr hora heure""",
    "order": """
        send mail fax delete remove erase save rename crop rotate flip sharpen brighten convert
        install order schedule remind forward attach screenshot logo poster invoice appointment
        reserve schick druck losch bestell termin envoi imprim supprim envia borra compra stampa
        cancella invia prenot apaga encomend""",
    "aside": """
        ignore forget skip leave leaving aside apart regardless independent never beyond besides
        irrelevant general generally theory speaking allgemein generell vergiss ohne abgesehen
        unabhangig oublie hormis sans aparte olvida dejando margen senza prescindere dimentica
        esqueca deixando only just nur bloss seulement solo soltanto apenas""",
    "doubt": """
        sure sicher seguro sur sicuro certeza confident confidence certain why warum porque
        pourquoi perche reason again wrong""",
}
WORDS: Mapping[str, str] = {w: name for name, words in LEXICON.items() for w in words.split()}
_LONG = 5  # letters; a shorter word is only itself
_ALIKE = 0.82  # of difflib's ratio
_BY_FIRST_LETTER: Mapping[str, list[str]] = {
    first: [word for word in WORDS if len(word) >= _LONG and word[0] == first]
    for first in {word[0] for word in WORDS}
}


def plain(text: str) -> str:
    """Lower case without accents: "Célula" -> "celula"."""
    apart = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


@lru_cache(maxsize=4096)
def concept(word: str) -> str | None:
    """What a plain word stands for: its own entry, its beginning's, or that of a near spelling."""
    if word in WORDS:
        return WORDS[word]
    for end in range(len(word) - 1, _LONG - 2, -1):
        if word[:end] in WORDS:
            return WORDS[word[:end]]
    alike = _BY_FIRST_LETTER.get(word[0], []) if len(word) >= _LONG - 1 else []
    near = get_close_matches(word, alike, 1, _ALIKE)
    return WORDS[near[0]] if near else None
