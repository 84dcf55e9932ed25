"""HAM10000, cell lineage first, then malignancy; our grouping of the seven diagnoses.

Source of the diagnoses: Tschandl et al., "The HAM10000 dataset", Scientific Data 5 (2018),
doi 10.1038/sdata.2018.161. akiec (actinic keratosis, Bowen's disease) counts as malignant.
"""

OUTLINE = """
lesion
  melanocytic: nv, mel
  nonmelanocytic
    keratinocytic
      keratinocytic_benign: bkl
      keratinocytic_malignant: bcc, akiec
    mesenchymal: df, vasc
"""
