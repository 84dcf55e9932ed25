"""Well-known animals, plants and fungi: kingdom, phylum, class, order, family, genus, species.

Every leaf is a species at depth 7. The selection is ours; the names and ranks are those in
common use, with reptiles as one class and whales among the even-toed mammals.

Source: general knowledge; names and ranks can be looked up in Catalogue of Life,
https://www.catalogueoflife.org; Mammal Diversity Database, https://www.mammaldiversity.org;
IOC World Bird List, https://www.worldbirdnames.org; orders and families of flowering plants in
APG IV, doi 10.1111/boj.12385, those of ferns in PPG I, doi 10.1111/jse.12229.
"""

OUTLINE = """
Eukaryota
  Animalia
    Chordata
      Mammalia
        Monotremata
          Ornithorhynchidae
            Ornithorhynchus: Ornithorhynchus anatinus
          Tachyglossidae
            Tachyglossus: Tachyglossus aculeatus
        Diprotodontia
          Macropodidae
            Macropus: Macropus giganteus, Macropus fuliginosus
          Phascolarctidae
            Phascolarctos: Phascolarctos cinereus
        Proboscidea
          Elephantidae
            Loxodonta: Loxodonta africana, Loxodonta cyclotis
            Elephas: Elephas maximus
        Primates
          Hominidae
            Homo: Homo sapiens
            Pan: Pan troglodytes, Pan paniscus
            Gorilla: Gorilla gorilla, Gorilla beringei
            Pongo: Pongo pygmaeus, Pongo abelii
          Cercopithecidae
            Macaca: Macaca mulatta, Macaca sylvanus
            Papio: Papio anubis
        Rodentia
          Muridae
            Mus: Mus musculus
            Rattus: Rattus norvegicus, Rattus rattus
          Sciuridae
            Sciurus: Sciurus vulgaris, Sciurus carolinensis
          Castoridae
            Castor: Castor fiber, Castor canadensis
        Lagomorpha
          Leporidae
            Oryctolagus: Oryctolagus cuniculus
            Lepus: Lepus europaeus, Lepus timidus
        Chiroptera
          Vespertilionidae
            Pipistrellus: Pipistrellus pipistrellus
            Myotis: Myotis myotis
        Carnivora
          Felidae
            Panthera: Panthera leo, Panthera tigris, Panthera pardus, Panthera onca
            Felis: Felis catus, Felis silvestris
            Lynx: Lynx lynx, Lynx rufus
          Canidae
            Canis: Canis lupus, Canis latrans
            Vulpes: Vulpes vulpes, Vulpes lagopus
          Ursidae
            Ursus: Ursus arctos, Ursus maritimus
            Ailuropoda: Ailuropoda melanoleuca
          Mustelidae
            Meles: Meles meles
            Lutra: Lutra lutra
            Mustela: Mustela erminea, Mustela nivalis
          Phocidae
            Phoca: Phoca vitulina
        Perissodactyla
          Equidae
            Equus: Equus caballus, Equus quagga
          Rhinocerotidae
            Rhinoceros: Rhinoceros unicornis
            Diceros: Diceros bicornis
        Artiodactyla
          Bovidae
            Bos: Bos taurus
            Ovis: Ovis aries
            Capra: Capra hircus, Capra ibex
          Cervidae
            Cervus: Cervus elaphus
            Capreolus: Capreolus capreolus
            Rangifer: Rangifer tarandus
          Giraffidae
            Giraffa: Giraffa camelopardalis
          Camelidae
            Camelus: Camelus dromedarius, Camelus bactrianus
          Delphinidae
            Orcinus: Orcinus orca
            Tursiops: Tursiops truncatus
          Balaenopteridae
            Balaenoptera: Balaenoptera musculus, Balaenoptera physalus
            Megaptera: Megaptera novaeangliae
      Aves
        Sphenisciformes
          Spheniscidae
            Aptenodytes: Aptenodytes forsteri, Aptenodytes patagonicus
            Spheniscus: Spheniscus demersus
        Anseriformes
          Anatidae
            Anas: Anas platyrhynchos, Anas crecca
            Cygnus: Cygnus olor, Cygnus cygnus
            Anser: Anser anser
        Galliformes
          Phasianidae
            Gallus: Gallus gallus
            Phasianus: Phasianus colchicus
        Accipitriformes
          Accipitridae
            Aquila: Aquila chrysaetos
            Haliaeetus: Haliaeetus albicilla, Haliaeetus leucocephalus
        Falconiformes
          Falconidae
            Falco: Falco peregrinus, Falco tinnunculus
        Strigiformes
          Strigidae
            Bubo: Bubo bubo
            Strix: Strix aluco
        Columbiformes
          Columbidae
            Columba: Columba livia, Columba palumbus
        Psittaciformes
          Psittacidae
            Ara: Ara ararauna, Ara macao
        Passeriformes
          Corvidae
            Corvus: Corvus corax, Corvus corone
            Pica: Pica pica
          Passeridae
            Passer: Passer domesticus, Passer montanus
          Turdidae
            Turdus: Turdus merula, Turdus philomelos
      Reptilia
        Testudines
          Cheloniidae
            Chelonia: Chelonia mydas
            Caretta: Caretta caretta
          Testudinidae
            Testudo: Testudo hermanni, Testudo graeca
        Squamata
          Lacertidae
            Lacerta: Lacerta agilis
          Varanidae
            Varanus: Varanus komodoensis, Varanus niloticus
          Viperidae
            Vipera: Vipera berus, Vipera aspis
          Pythonidae
            Python: Python regius, Python bivittatus
        Crocodylia
          Crocodylidae
            Crocodylus: Crocodylus niloticus, Crocodylus porosus
          Alligatoridae
            Alligator: Alligator mississippiensis
      Amphibia
        Anura
          Ranidae
            Rana: Rana temporaria, Rana arvalis
          Bufonidae
            Bufo: Bufo bufo
          Pipidae
            Xenopus: Xenopus laevis
        Caudata
          Salamandridae
            Salamandra: Salamandra salamandra
            Triturus: Triturus cristatus
          Ambystomatidae
            Ambystoma: Ambystoma mexicanum
      Actinopterygii
        Salmoniformes
          Salmonidae
            Salmo: Salmo salar, Salmo trutta
            Oncorhynchus: Oncorhynchus mykiss
        Cypriniformes
          Cyprinidae
            Cyprinus: Cyprinus carpio
            Carassius: Carassius auratus
        Scombriformes
          Scombridae
            Thunnus: Thunnus thynnus, Thunnus albacares
            Scomber: Scomber scombrus
      Chondrichthyes
        Lamniformes
          Lamnidae
            Carcharodon: Carcharodon carcharias
            Isurus: Isurus oxyrinchus
        Carcharhiniformes
          Sphyrnidae
            Sphyrna: Sphyrna lewini, Sphyrna mokarran
    Arthropoda
      Insecta
        Lepidoptera
          Nymphalidae
            Vanessa: Vanessa atalanta, Vanessa cardui
          Pieridae
            Pieris: Pieris brassicae, Pieris rapae
        Hymenoptera
          Apidae
            Apis: Apis mellifera, Apis cerana
            Bombus: Bombus terrestris, Bombus lapidarius
          Vespidae
            Vespa: Vespa crabro
          Formicidae
            Formica: Formica rufa
        Coleoptera
          Coccinellidae
            Coccinella: Coccinella septempunctata
            Harmonia: Harmonia axyridis
        Diptera
          Drosophilidae
            Drosophila: Drosophila melanogaster, Drosophila simulans
          Culicidae
            Culex: Culex pipiens
            Aedes: Aedes aegypti
        Orthoptera
          Acrididae
            Locusta: Locusta migratoria
      Arachnida
        Araneae
          Araneidae
            Araneus: Araneus diadematus
        Ixodida
          Ixodidae
            Ixodes: Ixodes ricinus, Ixodes scapularis
      Malacostraca
        Decapoda
          Nephropidae
            Homarus: Homarus gammarus, Homarus americanus
          Cancridae
            Cancer: Cancer pagurus
    Mollusca
      Gastropoda
        Stylommatophora
          Helicidae
            Helix: Helix pomatia
            Cepaea: Cepaea nemoralis, Cepaea hortensis
      Bivalvia
        Mytilida
          Mytilidae
            Mytilus: Mytilus edulis, Mytilus galloprovincialis
      Cephalopoda
        Octopoda
          Octopodidae
            Octopus: Octopus vulgaris
        Sepiida
          Sepiidae
            Sepia: Sepia officinalis
    Echinodermata
      Asteroidea
        Forcipulatida
          Asteriidae
            Asterias: Asterias rubens
      Echinoidea
        Camarodonta
          Echinidae
            Echinus: Echinus esculentus
    Cnidaria
      Anthozoa
        Scleractinia
          Acroporidae
            Acropora: Acropora palmata, Acropora cervicornis
      Scyphozoa
        Semaeostomeae
          Ulmaridae
            Aurelia: Aurelia aurita
  Plantae
    Tracheophyta
      Magnoliopsida
        Rosales
          Rosaceae
            Rosa: Rosa canina, Rosa rugosa
            Malus: Malus domestica, Malus sylvestris
            Prunus: Prunus avium, Prunus cerasus, Prunus persica
          Cannabaceae
            Cannabis: Cannabis sativa
            Humulus: Humulus lupulus
        Fagales
          Fagaceae
            Quercus: Quercus robur, Quercus suber
            Fagus: Fagus sylvatica
          Betulaceae
            Betula: Betula pendula
            Corylus: Corylus avellana
          Juglandaceae
            Juglans: Juglans regia, Juglans nigra
        Fabales
          Fabaceae
            Phaseolus: Phaseolus vulgaris
            Glycine: Glycine max
            Trifolium: Trifolium pratense, Trifolium repens
        Brassicales
          Brassicaceae
            Arabidopsis: Arabidopsis thaliana
            Brassica: Brassica oleracea, Brassica napus, Brassica rapa
        Malvales
          Malvaceae
            Theobroma: Theobroma cacao
        Sapindales
          Sapindaceae
            Acer: Acer platanoides, Acer pseudoplatanus
          Rutaceae
            Citrus: Citrus medica, Citrus maxima
        Cucurbitales
          Cucurbitaceae
            Cucumis: Cucumis sativus, Cucumis melo
            Cucurbita: Cucurbita pepo, Cucurbita maxima
        Solanales
          Solanaceae
            Solanum: Solanum tuberosum, Solanum lycopersicum, Solanum melongena
            Nicotiana: Nicotiana tabacum
        Lamiales
          Lamiaceae
            Mentha: Mentha aquatica, Mentha spicata
            Salvia: Salvia officinalis
          Oleaceae
            Olea: Olea europaea
            Fraxinus: Fraxinus excelsior
        Asterales
          Asteraceae
            Helianthus: Helianthus annuus, Helianthus tuberosus
            Taraxacum: Taraxacum officinale
        Gentianales
          Rubiaceae
            Coffea: Coffea arabica, Coffea canephora
      Liliopsida
        Poales
          Poaceae
            Triticum: Triticum aestivum, Triticum monococcum
            Zea: Zea mays
            Oryza: Oryza sativa, Oryza glaberrima
            Hordeum: Hordeum vulgare
        Asparagales
          Amaryllidaceae
            Allium: Allium cepa, Allium sativum
          Orchidaceae
            Vanilla: Vanilla planifolia
        Arecales
          Arecaceae
            Cocos: Cocos nucifera
            Phoenix: Phoenix dactylifera
        Zingiberales
          Musaceae
            Musa: Musa acuminata, Musa balbisiana
      Pinopsida
        Pinales
          Pinaceae
            Pinus: Pinus sylvestris, Pinus pinea
            Picea: Picea abies
            Abies: Abies alba
        Cupressales
          Cupressaceae
            Juniperus: Juniperus communis
            Sequoia: Sequoia sempervirens
      Ginkgoopsida
        Ginkgoales
          Ginkgoaceae
            Ginkgo: Ginkgo biloba
      Polypodiopsida
        Polypodiales
          Dennstaedtiaceae
            Pteridium: Pteridium aquilinum
        Equisetales
          Equisetaceae
            Equisetum: Equisetum arvense, Equisetum hyemale
    Bryophyta
      Sphagnopsida
        Sphagnales
          Sphagnaceae
            Sphagnum: Sphagnum palustre
      Bryopsida
        Funariales
          Funariaceae
            Funaria: Funaria hygrometrica
    Marchantiophyta
      Marchantiopsida
        Marchantiales
          Marchantiaceae
            Marchantia: Marchantia polymorpha
  Fungi
    Basidiomycota
      Agaricomycetes
        Agaricales
          Agaricaceae
            Agaricus: Agaricus bisporus, Agaricus campestris
          Amanitaceae
            Amanita: Amanita muscaria, Amanita phalloides
        Boletales
          Boletaceae
            Boletus: Boletus edulis
        Russulales
          Russulaceae
            Russula: Russula emetica
            Lactarius: Lactarius deliciosus
        Polyporales
          Polyporaceae
            Trametes: Trametes versicolor
            Fomes: Fomes fomentarius
      Pucciniomycetes
        Pucciniales
          Pucciniaceae
            Puccinia: Puccinia graminis
    Ascomycota
      Saccharomycetes
        Saccharomycetales
          Saccharomycetaceae
            Saccharomyces: Saccharomyces cerevisiae, Saccharomyces paradoxus
      Eurotiomycetes
        Eurotiales
          Aspergillaceae
            Aspergillus: Aspergillus niger, Aspergillus fumigatus
            Penicillium: Penicillium roqueforti, Penicillium camemberti
      Pezizomycetes
        Pezizales
          Tuberaceae
            Tuber: Tuber melanosporum, Tuber magnatum
      Sordariomycetes
        Hypocreales
          Clavicipitaceae
            Claviceps: Claviceps purpurea
      Lecanoromycetes
        Lecanorales
          Cladoniaceae
            Cladonia: Cladonia rangiferina
"""
