"""Predictions of notebook 3: asked before the panels and experiments that answer them."""

from helpers.quizzes.quiz import Question

before_training = Question(
    "Two plain layers with fresh random numbers are put into a net that names nine of ten images "
    "correctly. How many does it name correctly now?",
    choices={
        "Still about nine of ten": "The other six layers are as they were. But they read what the "
        "new ones hand on, and that is no longer what they were trained for.",
        "About half": "Two layers of eight are few. But all that the net knows about an image has "
        "to pass them, and they mix it up.",
        "Less than a quarter": "The layers after the new block get numbers they have never seen. "
        "Guessing would name one image of ten.",
    },
    right=2,
)
random_start = Question(
    "Now a residual block (inside) goes in that does not start as the identity, but at PyTorch's "
    "random numbers. How many of the images does the net name correctly?",
    choices={
        "As few as with the plain block: random is random": "The branch is as random as the plain "
        "block. But the old signal arrives next to it, by the shortcut.",
        "About half": "So it is with He's numbers, which are larger. PyTorch's add less to the old "
        "signal.",
        "Most of them, but not all": "The shortcut brings the old signal, and the branch adds "
        "something random that is smaller. A few images are lost.",
        "All that it named before": "That takes a branch that adds nothing at all, to the last "
        "bit. This one adds something.",
    },
    right=2,
)
gradient_outside = Question(
    "A new outside block is at its identity start. How large is the gradient that reaches its "
    "W[l+2], compared with inside?",
    choices={
        "Larger: there is nothing on its shortcut": "That is true for the gradient by a[l]. The "
        "gradient by W[l+2] has to pass g in both forms.",
        "0": "Outside, g is applied to z[l+2] alone, which is 0 here. ReLU has slope 0 there, so "
        "nothing gets through to W[l+2].",
        "About the same: both are the identity": "They return the same numbers, but their g works "
        "at different places: inside at a[l], outside at 0.",
    },
    right=1,
)
smaller_W = Question(
    "Batch normalisation follows W[l+2]. You make W[l+2] ten times smaller. What happens to the "
    "block's distance from the identity?",
    choices={
        "It is ten times smaller": "It would be without normalisation, and it is if gamma shrinks. "
        "Here the normalisation divides by the deviation.",
        "It hardly changes": "The deviation over the batch is ten times smaller too, and the "
        "normalisation divides by it. The factor is gone.",
        "It is 0: the block is the identity": "That takes gamma = 0 and beta = 0. A small W[l+2] "
        "alone is brought back to deviation 1.",
    },
    right=1,
)
