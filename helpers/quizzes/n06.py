"""Predictions of notebook 6: asked before the panels and experiments that answer them."""

from helpers.quizzes.quiz import Question

shortcuts_cost = Question(
    "The shortcuts of ResNet-34 pad with zeros where the dimension changes. How many more "
    "parameters does it have than the plain net of 34 layers?",
    choices={
        "none": "Adding a[l] takes no weights, and padding with zeros takes none. Both nets have "
        "21,623,848 parameters.",
        "16, one for each shortcut": "A factor on each shortcut could be learned. But here a[l] is "
        "added as it is, with a factor of 1 that never changes.",
        "173,824, for the 3 shortcuts between the stages": "That is option B, where a 1 x 1 "
        "convolution with normalisation is on these 3. Zero padding is a matrix too, but a "
        "fixed one of ones and zeros.",
    },
    right=0,
)
plain_depth = Question(
    "All layers have batch normalisation. Which of two plain nets has the larger training error "
    "after two epochs, the one of 8 layers or the one of 56?",
    choices={
        "the one of 8 layers, because it has fewer parameters": (
            "The deeper one could fit more, if training found the numbers. In two epochs it does "
            "not: more than 60 % of its training images are wrong, and less than 15 % with 8 "
            "layers."
        ),
        "neither: normalisation makes depth harmless": "Normalisation keeps the size of the "
        "signals on their way forward. The errors still differ by more than 45 points.",
        "the one of 56 layers, by a lot": "Less than 15 % of the training images are wrong with 8 "
        "layers, more than 60 % with 56. The size of the signals is kept, and the deep net still "
        "trains badly.",
    },
    right=2,
)
same_digit = Question(
    "An untrained plain net of 56 layers, with batch normalisation, and its residual twin. In the "
    "images, two of the same digit have a correlation of 0.70, two of different digits 0.46. What "
    "is left of this lead after stage 1, 19 layers?",
    choices={
        "about the same in both: normalisation keeps the signals": "It keeps their size: mean and "
        "standard deviation of each channel. That says nothing about which image is like which.",
        "next to nothing in the plain net, and a good part of it in the residual one": "Each plain "
        "layer writes everything anew, and after 19 of them two images of a 3 are about as alike "
        "as a 3 and a 7. The residual net adds to what came in.",
        "more in the plain net: the residual one mixes old and new": "It mixes, and that is what "
        "helps: the old part still says which digit it was. The plain net keeps no old part.",
    },
    right=1,
)
contribution = Question(
    "How much does a typical block change its input in a residual net of 56 layers, compared with "
    "one in a net of 20?",
    choices={
        "less": "Each block adds about as much as the others, to a sum that has grown already. The "
        "deeper the net, the larger the sum, and the smaller the part.",
        "as much: all blocks are built the same": "They are, and each branch adds about as much. "
        "But we measure in parts of a[l], and a[l] grows from block to block: the sum in a deep "
        "net is larger.",
        "more, because a deeper net does more": "It does more steps. Each of them is smaller: "
        "before training, in the median, less than three quarters of the one in the net of 20 "
        "layers.",
    },
    right=0,
)
