"""Predictions of notebook 1: asked before the panels and experiments that answer them."""

from helpers.quizzes.quiz import Question

shortcut_parameters = Question(
    "A block has n units. How many new parameters does its shortcut need?",
    choices={
        "None": "The shortcut adds a[l] as it is, entry by entry. There is nothing to learn on it.",
        "n, one for each unit": "Each entry could have a weight, but then what arrives would no "
        "longer be a[l].",
        "n x n, as one more layer": "A layer has a matrix, but the shortcut goes past the layers: "
        "it only adds.",
    },
    right=0,
)
same_lines = Question(
    "Take a[l] = 1. For which z[l+2] do the two residual forms give the same output?",
    choices={
        "For z[l+2] of -1 and more": "From there on the sum z[l+2] + 1 is not cut. But outside "
        "cuts z[l+2] alone: at z[l+2] = -0.5 inside gives 0.5, and outside gives 0 + 1 = 1.",
        "For z[l+2] of 0 and more": "There neither form cuts anything: both give z[l+2] + 1. Below "
        "0 outside stays at 1, and inside falls with z[l+2].",
        "For none: they differ by a[l]": "Both add the same a[l], once. Where g cuts nothing, it "
        "does not matter when: at z[l+2] = 2 both give 3.",
    },
    right=1,
)
all_zero = Question(
    "All W and b of the branch are 0. What does a residual block return for a[l] = 2?",
    choices={
        "0": "That is what the plain block returns: with W = 0 nothing of a[l] gets through its "
        "layers. Here the shortcut still carries it.",
        "4": "This counts a[l] twice. The branch does not copy its input: with W = 0 it gives 0.",
        "2": "The branch adds 0. Inside gives g(0 + 2) = 2, and outside gives g(0) + 2 = 2.",
    },
    right=2,
)
thirty_blocks = Question(
    "The weights of 30 blocks have He's size (slider at 1). What does the residual net do to a "
    "gradient on its way back?",
    choices={
        "It keeps its size: the + 1 takes care of that": "The + 1 keeps the gradient from "
        "vanishing. But each block adds what comes through its branch, and at this size of W that "
        "is as much again.",
        "It makes it more than a thousand times as large": "Each block adds what comes through its "
        "branch to what comes along the shortcut. A factor of 1.45 at each block makes 70,000 "
        "after 30.",
        "It makes it vanish": "That is the story of plain nets with small weights. The shortcut "
        "hands the gradient on, wherever the last g does not cut it.",
    },
    right=1,
)
