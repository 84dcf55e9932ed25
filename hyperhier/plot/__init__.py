"""Pictures: embeddings with their prototypes, taxonomies, confusion matrices.

Every function writes one file, whole or not at all, in the format that its suffix names
(PNG, SVG, PDF), and leaves matplotlib's global state alone. matplotlib itself comes with
``pip install 'hyperhier[plot]'`` and is imported when something is drawn.
"""

from hyperhier.plot.confusion import plot_confusion
from hyperhier.plot.embedding import plot_embedding, plot_taxonomy_embedding
from hyperhier.plot.images import plot_images
from hyperhier.plot.taxonomy import plot_taxonomy

__all__ = [
    "plot_confusion",
    "plot_embedding",
    "plot_images",
    "plot_taxonomy",
    "plot_taxonomy_embedding",
]
