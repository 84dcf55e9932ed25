"""HAM10000, benign or malignant first, then the lineage; our grouping of the seven diagnoses.

Source of the diagnoses: Tschandl et al., "The HAM10000 dataset", Scientific Data 5 (2018),
doi 10.1038/sdata.2018.161. akiec (actinic keratosis, Bowen's disease) counts as malignant.
"""

OUTLINE = """
lesion
  benign
    benign_melanocytic: nv
    benign_keratinocytic: bkl
    benign_fibrous: df
    benign_vascular: vasc
  malignant
    malignant_melanocytic: mel
    malignant_keratinocytic: bcc, akiec
"""
