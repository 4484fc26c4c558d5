"""The words by which pictures of something are asked for, in six languages, without accents.

What a picture is called, where pictures are kept, and what a laboratory looks for in them. The
lists are of what is common; a name that is not here is still found beside "images of".
"""

import re

PICTURE = re.compile(
    r"images?|imgs?|pictures?|pics?|pix|photos?|photographs?|photomicrographs?|micrographs?|"
    r"shots?|examples?|exemplars?|illustrations?|thumbnails?|tiles?|crops?|patch(es)?|specimens?|"
    r"samples?|instances?|cases?|snapshots?|"
    r"bild(er)?|aufnahmen?|beispiele?|faelle|falle|fotos?|"
    r"imagen(es)?|imagem|imagens|ejemplos?|exemplos?|casos?|"
    r"immagin[ei]|esemp[io]i?|exemples?|cas|casi|cliches?|vignettes?|foto(grafia|grafias|grafie)"
)
MANY = re.compile(
    r"images|imgs|pictures|pics|pix|photos|photographs|micrographs|tiles|crops|thumbnails|"
    r"bilder|aufnahmen|imagenes|imagens|immagini|cliches"
)
# "Beispielbilder", "Thrombozytenfotos": what stands before may be the name.
COMPOUND = re.compile(r"(\w{3,}?)s?(bilder[n]?|bild|fotos?|aufnahmen?|beispielen?|muster)")
NO_PICTURE = frozenset(("blutbild", "blutbilder", "krankheitsbild"))  # findings, not photographs
KEPT_IN = re.compile(
    r"librar(y|ies)|lib|atlas(es)?|databases?|db|ind(ex|ices)|galler(y|ies)|archives?|archived|"
    r"collections?|banks?|repository|repo|inventory|datasets?|stored?|stock|files?|filed|"
    r"catalogues?|catalogs?|references?|textbooks?|labelled|labeled|annotated|known|typical|"
    r"bibliothek|sammlung|datenbank|archivs?|galerie|bestand|referenz|muster|lehrbuch|"
    r"bibliotheque|collection|banque|base|fonds|"
    r"biblioteca|coleccion|archivo|archivad[oa]s?|banco|galeria|"
    r"raccolta|archivio|banca|acervo|colecao|arquivo|referencia|riferimento"
)
SHOW = re.compile(r"show\w*|display\w*|zeig\w*|montre\w*|muestr\w*|mostr\w*|ensen\w*|affich\w*")
FIND = re.compile(
    r"find\w*|search|see|give|gimme|get|got|fetch|pull|bring|retrieve|browse|hol|sehen|such\w*|gib|"
    r"voir|cherche\w*|ver|busca\w*|cerca\w*"
)
SHOW_OR_FIND = re.compile(f"{SHOW.pattern}|{FIND.pattern}")
_FILLERS = """
me us some any a an the few please pls plz can could would will might may you your i we want to
have has do does did there is are in of for from with and or on by our all more let need mir uns
bitte ein eine einen einer eines die der das den dem von vom aus mit und oder ich moechte mochte
gibt es hast habt haben du ihr euch eure euren eurer moi nous des de la le les un une avec et s il
vous te plait svp stp as tu je j veux voudrais mi nos unos unas los las el una con y por favor
quiero tienes tienen hay di del della dei degli delle gli lo dalla nella nel al ai vorrei vedere
hai avete quero ver tem tens da dos uma um com e at which what how kind sort so just then now here
thanks thank hi hello hey ok okay if not only that those them same set lot couple dozen handful
several number selection random nice good great best decent proper pretty beautiful proud clear
sharp healthy regular standard real look looks looking looked like love liked wanted wants
wondering hold holding held keep kept take took hand send share provide return list browse offer
dig out up off over through paar mal schone schonen welche was wie kannst konnt konntest konnen
koennen wollen ware waere gern gerne parat jolis beaux quelques auriez aurais avez pouvez puis
aimerais quel quels dans sur votre vos vuestra vuestros tus su sus algun algunos algunas alguna
cuantos ejemplo porfa dame ponme puedo puedes tenga tengan mostrarme quisiera gustaria vostro
vostra qualche alcuni fai posso puoi potete voi voce voces manda umas alguns algumas gostava
gostaria vossa vosso pra para top k n five four three two ten six eight one no yes under about
called named label labels fur negatives maybe also both next available included include includes
contain contains entry entries task class query type image_search
"""
FILLERS = frozenset(_FILLERS.split())
# What pictures may be asked of, by how the words begin.
THING = re.compile(
    r"(neutro[fp]|eo[sz][iy]n(o[fp]|\b)|baso[fp]|monoc[iy]t|monozyt|l[iy](m|n)[fp]h?oc[iy]t|lymphozyt|"
    r"lymphoid|lenfosit|plaquet|platelet|thromboc|thromboz|trombo[cs]|piastrin|plattchen|blutplatt|"
    r"granuloc|granuloz|m[iy]elo[czb]|meta?m[iy]elo|promi?y?elo|erythro|er[iy]tro|normoblast|"
    r"megalobl|blast\w{0,2}\b|lymphoblast|leu[ck]o[czsk]|plasm[ao](cell|zell|cit|cyt|zyt)|plasma\b|"
    r"mast\b|mastz|mastoc|smudge|gumprecht|megakar|reed\b|sternberg|sickle|sichel|drepan|"
    r"falci(f|par)|hairy|haarzell|sezary|auer|dohle|doehle|howell|heinz|pappenheimer|cabot|"
    r"parasit|malaria|plasmodi|trypanos|reticuloc|retikul|acantho|echino|burr|teardrop|dacr[iy]o|"
    r"stomatoc|elliptoc|ovaloc|sphero[cz]|spharo|sferoc|esferoc|target|codoc|schisto|schizo[cz]|"
    r"esquist|fragmentoz|macroph|makroph|macrof|histi[oa]c|koiloc|squam|goblet|crypt|rouleaux|"
    r"adipo|fat\b|stroma|mucos|muco\b|mucus|adenoc|carcinom|tumou?r|lymphom|leuk[ae]+m|mitos|mitot|"
    r"metaphas|nucle(us|i|ated|ol)|bilobed|lobed|hyperseg|segmented|band(s|ed)?\b|granules?|"
    r"granulat|vacuol|chromatin|cytoplasm|macrocyt|microcyt|hypochrom|inclusion|toxic|"
    r"muscle|colon|gland|lymph|kidney|liver|organoid|hepatocyt|fibrobl|epitheli|endotheli|"
    r"neuron|bacteri|yeast|zellkern|kern|blodplad|jolly|rea[ck]ti|atypi|bodies|rods)\w*"
)
# They compare with an image: "like mine", "similar ones".
COMPARING = re.compile(
    r"\b(similar\w*|simlar|simil[ei]\w*|comparable\w*|alike|look-?alikes?|resembl\w*|"
    r"(?<!the )match(es|ing)?|near(est)?|"
    r"close(st)?|neighbou?rs?|k?nn|twins?|siblings?|akin|equivalent\w*|analog\w*|counterparts?|"
    r"same as|others?|ahnl\w*|ahnel\w*|nachbar\w*|gleich\w*|vergleichbar\w*|nachst\w*|semblabl\w*|"
    r"ressembl\w*|proches?|voisin\w*|sosies?|parecid\w*|semejant\w*|asemej\w*|cercan[oa]s?|"
    r"somigli\w*|vicin[ieo]|analogh\w*|semelhant\w*|parec\w*|proxim[oa]s?|identi(cal|que)\w*|iguais|"
    r"resemble)\b"
    r"|\b(like|as|wie|comme|como|come) (this|these|that|those|mine|my|it|the one|dies\w*|mein\w*|"
    r"ce\w*|la|le|el|est[aeo]\w*|mi|quest\w*|a minha|o meu|iss?\w*)\b"
    r"|\b(compar\w*|vergleich\w*|confront\w*|cotej\w*) "
    r"(it|this|these|mine|my|mein\w*|dies\w*|ma|mon|cette|mi|est[aeo]|mia|mio|quest\w*|a minha)\b"
)
# They point at an image that should be there.
POINTING = re.compile(
    r"(?<!for )(?<!para )(?<!pra )(?<!pour )(?<!fur )(?<!per )"
    r"\b(this|these|its?|mine|my|our|attached|uploaded?|query|above|dies\w*|mein\w*|meim|hier|"
    r"ma|mon|mes|mienne?|cette|cet|ce|ci|mis|mi (?=foto|imagen|celula|muestra|frotis)|"
    r"mi[oa]s?|est[aeo]s?|ess[ea]s?|quest[aoie]|"
    r"minhas?|meus?)\b"
)
# Words that name a kind, and none of it.
GENERIC = re.compile(
    r"cells?|zellen?|cellules?|celulas?|cellul[ae]|cel(len)?|tissues?|smears?|wbcs?|rbcs?|red|white|"
    r"blood|nodes?"
)
# They ask something of what is shown.
_QUESTIONING = """
like here what which how why who when where many count compare difference describe identify
classify measure explain mean cause causes name
"""
QUESTIONING = frozenset(_QUESTIONING.split())
_OF = """
of with showing von mit de des du d di del della dei degli con avec com for
"""
OF = frozenset(_OF.split())
