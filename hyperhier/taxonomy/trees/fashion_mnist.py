"""Fashion-MNIST: ten articles in six groups, clothes and goods.

Source: classes of Xiao et al. (arXiv 1708.07747), grouped as in Seo & Shin, "Hierarchical
convolutional neural networks for fashion image classification", Expert Systems with
Applications 116 (2019), doi 10.1016/j.eswa.2018.09.022.
"""

OUTLINE = """
fashion
  clothes
    tops: T-shirt, Pullover, Shirt
    bottoms: Trouser
    dresses: Dress
    outers: Coat
  goods
    accessories: Bag
    shoes: Sandal, Sneaker, Ankle-boot
"""
