"""Long trainings: sweeps over a grid, the recipe of He et al., the study of depths, CIFAR-10."""
