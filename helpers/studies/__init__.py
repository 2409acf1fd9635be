"""Long trainings: sweeps over a grid, the recipe of He et al. 2015, the study of depths, and
CIFAR-10.
"""
