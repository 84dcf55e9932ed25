"""ODIR-5K: the eight labels of the ocular disease recognition challenge, as a DAG.

Source of the labels: Peking University International Competition on Ocular Disease
Intelligent Recognition (ODIR-2019), https://odir2019.grand-challenge.org. The grouping above
them is ours: diabetes and hypertension are systemic diseases seen in the vessels of the
retina, pathological myopia is a refractive error that degenerates the retina.
"""

OUTLINE = """
fundus
  normal
  abnormal
    systemic_disease: diabetes, hypertension
    eye_disease
      retinal_disease
        retinal_vascular_disease: diabetes, hypertension
        retinal_degeneration: age_related_macular_degeneration, myopia
      optic_nerve_disease: glaucoma
      lens_and_refraction: cataract, myopia
    other
"""
