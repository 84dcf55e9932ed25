"""BreakHis: malignancy and the eight histological types.

Source: Spanhol et al., "A dataset for breast cancer histopathological image classification",
IEEE Transactions on Biomedical Engineering 63 (2016), doi 10.1109/TBME.2015.2496264.
"""

OUTLINE = """
breast_tumor
  benign: adenosis, fibroadenoma, phyllodes_tumor, tubular_adenoma
  malignant: ductal_carcinoma, lobular_carcinoma, mucinous_carcinoma, papillary_carcinoma
"""
