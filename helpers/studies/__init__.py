"""Long trainings: sweeps over a grid, the recipe of He et al., the study of depths, CIFAR-10.

``photographs`` loads the images of a study, and ``pretrained`` a net that others have trained.
"""
