"""Images tied to texts level by level (HLSS): texts, their embeddings, the head, explanations.

The loss is :class:`hyperhier.losses.HLSSLoss`.
"""

from hyperhier.hlss.encoders import TextEncoder, TfidfEncoder, text_encoder
from hyperhier.hlss.evaluate import evaluate_hlss, zero_shot_predict
from hyperhier.hlss.explain import AttributeShare, Explanation, attribute_prototypes, explain
from hyperhier.hlss.head import HLSS
from hyperhier.hlss.levels import TextLevel, embed_texts, load_text_levels, read_text_levels
from hyperhier.hlss.texts import AttributeTexts, builtin_texts, read_attribute_texts

__all__ = [
    "HLSS",
    "AttributeShare",
    "AttributeTexts",
    "Explanation",
    "TextEncoder",
    "TextLevel",
    "TfidfEncoder",
    "attribute_prototypes",
    "builtin_texts",
    "embed_texts",
    "evaluate_hlss",
    "explain",
    "load_text_levels",
    "read_attribute_texts",
    "read_text_levels",
    "text_encoder",
    "zero_shot_predict",
]
