"""Long trainings: sweeps over a grid, the recipe of He et al., the study of depths, CIFAR-10.

``photographs`` loads the images of a study, ``pretrained`` a net that others have trained, and
``classroom`` tries whether a whole class fits on a machine.
"""
