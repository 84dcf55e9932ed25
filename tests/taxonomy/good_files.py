"""Small files of every format in which the fuzz tests, and the fuzzer, make mistakes."""

from __future__ import annotations

from typing import Any

__all__ = ["GOOD", "TOKENS", "WORDNET"]

_CSV = """parent,child,weight
animal,cat,0.5
animal,"dog, wolf",2
cat,manx,1e-3
"dog, wolf",poodle,0
"""

_RANKS = """id,class,order,species
1,mammal,carnivore,cat
2,mammal,carnivore,"dog"
3,mammal,,platypus
4,mammal,carnivore,
"""

_PATHS = """# a shop
Clothing > Shoes > Boots
Clothing > Shoes > Sandals
Clothing > Hats
"""

_OUTLINE = """# pets
pet
  cat
    manx
    siamese

  dog
\t
"""

_BULLETS = """- pet
  * cat
      + manx
  - dog
"""

_OBJECTS = """{"name": "pet", "children": [
  {"name": "cat", "weight": 0.5, "children": ["manx", {"id": 7}]},
  {"name": "d\\u00f6g \\"x\\"", "weight": 2, "size": [1, -2.5E+3, true, null, {}]}
]}
"""

_NAMES = """{"pet": {"cat": ["manx", {"tabby": null}], "dog": {}}}"""

_LINKS = """{"directed": true, "nodes": [{"id": 1, "name": "pet"}, {"id": 2}, {"id": "x"}],
"links": [{"source": 1, "target": 2, "weight": 3}, {"source": 1, "target": "x"},
{"source": 2, "target": "x", "weight": null}]}
"""

_ICD = """J45    Asthma
J450   Allergic asthma
J45.1  Nonallergic asthma
J46
"""

_EC = """code,title
1,oxidoreductases
1.1.-.-,acting on CH-OH
1.1.1.10,"reductase, L-xylulose"
2.7.11,kinases
"""

_GRAPHML = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="d0" for="edge" attr.name="weight" attr.type="double"><default>2</default></key>
  <key id="d1" for="node" attr.name="label" attr.type="string"/>
  <graph edgedefault="directed">
    <node id="pet"><data key="d1">Pet</data></node>
    <node id="cat"/><node id="a &amp; b"/>
    <edge source="pet" target="cat"><data key="d0">0.5</data></edge>
    <edge source="pet" target="a &amp; b"/>
    <edge source="cat" target="a &amp; b"/>
  </graph>
</graphml>
"""

_GEXF = """<?xml version="1.0" encoding="UTF-8"?>
<gexf xmlns="http://www.gexf.net/1.2draft" version="1.2">
  <graph defaultedgetype="directed" mode="static">
    <attributes class="edge"><attribute id="0" title="kind" type="string"/></attributes>
    <nodes>
      <node id="0" label="pet"/>
      <node id="1" label="cat"/>
      <node id="2" label="d&#246;g"/>
    </nodes>
    <edges>
      <edge id="0" source="0" target="1" weight="0.5"/>
      <edge id="1" source="0" target="2"><attvalues><attvalue for="0" value="x"/></attvalues></edge>
    </edges>
  </graph>
</gexf>
"""

_OBO = """format-version: 1.4
ontology: pets

[Term]
id: P:1
name: pet
def: "An animal \\"kept\\" at home." [X:1]

[Term]
id: P:2
name: cat {source="X:2"} ! comment
is_a: P:1 {inferred="true"} ! pet
relationship: part_of P:1 ! pet

[Term]
id: P:3
name: d\\{o\\}g
synonym: "hound" EXACT []
is_a: P:1
is_a: P:2

[Term]
id: P:4
is_obsolete: true

[Typedef]
id: part_of
name: part of
"""

_NEWICK = """[a tree] ((manx:0.5,'it''s':1e-2)cat:1,"dog x":2,[&x=1]fox:0)animal:3;
(a,b)c;
"""

_NEXUS = """#NEXUS
[a comment]
BEGIN TAXA;
  DIMENSIONS NTAX=3;
  TAXLABELS cat dog 'sea lion';
END;
BEGIN TREES;
  TRANSLATE 1 cat, 2 dog, 3 'sea lion';
  TREE one = [&R] ((1:0.5,2:1)98:1,3:2):0;
  UTREE two = (1,2,3);
END;
"""

_TURTLE = """@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix : <http://example.org/pets#> .
:pet a skos:Concept ; skos:prefLabel "pet"@en, "Haustier"@de .
:cat skos:prefLabel "cat"@en ; skos:broader :pet . # comment
:dog skos:broader :pet, [ a skos:Concept ] ; skos:notation 1.5e3 .
:pet skos:narrower <http://example.org/pets#fish> .
"""

_RDF_XML = """<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
  xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"
  xmlns:owl="http://www.w3.org/2002/07/owl#" xml:base="http://example.org/pets">
  <owl:Class rdf:about="#pet"><rdfs:label xml:lang="en">pet</rdfs:label></owl:Class>
  <owl:Class rdf:ID="cat"><rdfs:subClassOf rdf:resource="#pet"/></owl:Class>
  <owl:Class rdf:about="#dog"><rdfs:subClassOf>
    <owl:Restriction><owl:onProperty rdf:resource="#p"/></owl:Restriction>
  </rdfs:subClassOf><rdfs:subClassOf rdf:resource="#pet"/></owl:Class>
</rdf:RDF>
"""

_TRIPLES = """<urn:x#cat> <http://www.w3.org/2000/01/rdf-schema#subClassOf> <urn:x#pet> .
<urn:x#cat> <http://www.w3.org/2000/01/rdf-schema#label> "c\\u0061t"@en .
_:b <http://www.w3.org/2000/01/rdf-schema#subClassOf> <urn:x#pet> .
"""

_JSON_LD = """{"@context": {"skos": "http://www.w3.org/2004/02/skos/core#",
  "broader": {"@id": "skos:broader", "@type": "@id"},
  "label": {"@id": "skos:prefLabel", "@language": "en"}},
 "@graph": [{"@id": "urn:x#pet", "label": "pet"},
  {"@id": "urn:x#cat", "broader": "urn:x#pet", "@type": "skos:Concept"}]}
"""

#: format, name of the file, text, options
GOOD: list[tuple[str, str, str, dict[str, Any]]] = [
    ("csv", "edges.csv", _CSV, {}),
    ("csv", "edges.tsv", _CSV.replace(",", "\t"), {}),
    ("csv", "bare.csv", _CSV.partition("\n")[2], {"header": False, "weight": 2}),
    ("csv", "ranks.csv", _RANKS, {"columns": ("class", "order", "species")}),
    ("paths", "shop.paths", _PATHS, {}),
    ("text", "shop.txt", _PATHS, {}),
    ("text", "pets.txt", _OUTLINE, {}),
    ("outline", "pets.outline", _OUTLINE, {}),
    ("outline", "bullets.outline", _BULLETS, {"bullets": True}),
    ("json", "objects.json", _OBJECTS, {}),
    ("json", "names.json", _NAMES, {}),
    ("json", "links.json", _LINKS, {}),
    ("codes", "icd.txt", _ICD, {"cuts": (1, 3)}),
    ("codes", "ec.csv", _EC, {"separator": ".", "name": "title", "roots": "join"}),
    ("graphml", "pets.graphml", _GRAPHML, {}),
    ("gexf", "pets.gexf", _GEXF, {}),
    ("gexf", "labels.gexf", _GEXF, {"label": "label"}),
    ("obo", "pets.obo", _OBO, {}),
    ("obo", "names.obo", _OBO, {"names": True, "relations": ("is_a", "part_of")}),
    ("newick", "pets.nwk", _NEWICK, {}),
    ("nexus", "pets.nex", _NEXUS, {}),
    ("rdf", "pets.ttl", _TURTLE, {}),
    ("rdf", "pets.owl", _RDF_XML, {}),
    ("rdf", "pets.nt", _TRIPLES, {}),
    ("rdf", "pets.jsonld", _JSON_LD, {}),
]

#: the files of a WordNet folder
WORDNET = {
    "data.noun": """  1 This is the licence
00000010 03 n 01 entity 0 001 ~ 00000020 n 0000 | all there is
00000020 05 n 02 dog 0 domestic_dog 0 001 @ 00000010 n 0000 | it | barks
00000030 05 n 01 Rex 0 002 @i 00000020 n 0000 @ 00000010 n 0000 |
""",
    "index.noun": """  1 This is the licence
dog n 1 1 @ 1 0 00000020
domestic_dog n 1 1 @ 1 0 00000020
entity n 1 0 1 0 00000010
rex n 1 2 @ @i 1 0 00000030
""",
}

#: what means something in one format or another
TOKENS = [
    *"\n\r\t\0 ,;:.()[]{}<>&%#!@^*+-=/\\\"'_|0",
    *("\n\n", "\r\n", '""', "''", "[[", "]]", "<!--", "-->", "<![CDATA[", "]]>", "\\\n"),
    *("1", "-1", "1e999", "1e-400", "nan", "NaN", "-inf", "0x1", "1_0", "\u0661", "9" * 400),
    *("true", "null", "None", "{}", "[]", '""', '"name"', '"children"', '"id"', '"weight"'),
    *("\ufeff", "\u2028", "\x85", "\xa0", "\u3000", "é", "😀", "\x1b", "\\u0000", "\\ud800"),
    *(" > ", "  ", "parent,child", "a,b\n", "r > a\n", "# ", "- "),
    *("[Term]\n", "id: ", "is_a: ", "relationship: part_of ", "is_obsolete: true\n"),
    *("#NEXUS\n", "BEGIN TREES;", "END;", "TREE t = ", "TRANSLATE 1 a;", "(a,b)c;"),
    *("<node id='x'/>", "<edge source='x' target='y'/>", "<graph>", "</graph>", "<a>", "&lt;"),
    *("<!DOCTYPE a>", "<!ENTITY e 'x'>", "<?xml version='1.0' encoding='utf-16'?>", "xmlns=''"),
    *("@prefix", "@base <urn:x> .", "a ", "_:b", "<urn:x>", "@en", "^^", '"@context"', '"@id"'),
]
