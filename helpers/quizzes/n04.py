"""Predictions of notebook 4: asked before the trainings that answer them."""

from helpers.quizzes.quiz import Question

two_layers = Question(
    "In the panel below you can choose 2 layers instead of 20. Which of the three nets wins that "
    "race?",
    choices={
        "The plain one: so small a net needs no shortcut, which only disturbs.": (
            "It needs none, and it has none. A shortcut goes past two layers between the first and "
            "the last, and with 2 layers there are none between."
        ),
        "A residual one, by a little: the shortcut helps less in a small net.": (
            "The trend is right from 8 layers on. But here it would need a shortcut, and a net of "
            "2 layers has no block that could carry one."
        ),
        "None: all three curves are the same.": "2 layers are the first and the last, with no "
        "block between. So the three nets are one net, with the same numbers and the same batches.",
    },
    right=2,
)
round_two = Question(
    "He's start, 56 layers, ten epochs, each arm at its best learning rate. Which arms get below "
    "30 percent wrong training images?",
    choices={
        "None of the three.": "The plain net has lost most of the difference between images on its "
        "way, and in the residual nets it has grown ten thousand times and more. All three stay "
        "above 30 percent.",
        "The plain one only: this start was made for it.": "It helps the plain net a lot at 20 "
        "layers. At 56 the differences between images still shrink on the way, and more than "
        "half of the images are wrong.",
        "The two residual ones: they learned at every depth before.": (
            "They did, at PyTorch's start, which has small branches. With He's start each branch "
            "is as large as its input, and the signal grows from block to block."
        ),
        "All three: He's start keeps the signal at its size.": (
            "It keeps the mean size in a plain ReLU net. Look at the two residual lines of the "
            "list above: there the signal is 10^4 times as large and more."
        ),
    },
    right=0,
)
round_three = Question(
    "Every block of a PLAIN net of 56 layers starts as a copy: W = I, b = 0. Ten epochs, its best "
    "rate. How many of 100 training images does it get wrong?",
    choices={
        "About 90: 56 layers without a shortcut are too deep for any start.": (
            "So it looked in two rounds. But both starts were far from the identity. From here the "
            "signal arrives whole, and so does the gradient."
        ),
        "About 60, as with He's start: the start does not change how deep it is.": (
            "The depth is the same, and the result is not: with copies, fewer than 8 are wrong."
        ),
        "Fewer than 8.": "It trains, without any shortcut. At the start it computes what a net of "
        "2 layers does, and every step from there is a small one.",
        "About 90: layers that copy are all alike, so they cannot learn different things.": (
            "Their W are alike, but their gradients are not: each layer gets another input and "
            "sends its output elsewhere. They part at the first steps."
        ),
    },
    right=2,
)
decay = Question(
    "Plain and residual nets of 20 layers start as the identity. Without weight decay both train. "
    "Now decay is strong: at every step all W and b shrink. What happens?",
    choices={
        "Both fail alike: decay shrinks the weights of both.": (
            "It does. But when W shrinks, a residual block comes nearer to the identity, and a "
            "plain block goes away from it."
        ),
        "The plain net fails far more.": "Its blocks are the identity at W = I, and decay pulls "
        "them towards 0: a plain block at 0 lets nothing through. A residual block at 0 copies.",
        "The residual net fails far more: a branch that shrinks to 0 learns nothing.": (
            "Branches do become smaller. They still learn, and what they do not learn they copy."
        ),
    },
    right=1,
)
