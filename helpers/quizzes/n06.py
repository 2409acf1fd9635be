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
    "after three epochs, the one of 8 layers or the one of 56?",
    choices={
        "the one of 8 layers, because it has fewer parameters": (
            "The deeper one could fit more, if training found the numbers. In three epochs it does "
            "not: more than 60 % of its training images are wrong, and less than 10 % with 8 "
            "layers."
        ),
        "neither: normalisation makes depth harmless": "Normalisation keeps the size of the "
        "signals on their way forward. The errors still differ by more than 50 points.",
        "the one of 56 layers, by a lot": "Less than 10 % of the training images are wrong with 8 "
        "layers, more than 60 % with 56. The size of the signals is kept, and the deep net still "
        "trains badly.",
    },
    right=2,
)
same_picture = Question(
    "Move from digit to digit and look at stage 1, in two nets of 56 layers. In which of them does "
    "more of the picture stay the same?",
    choices={
        "in the residual one: it passes a[l] on as it is": "What it passes on comes from the "
        "image, and each digit is a different image. Between the pictures of two digits the "
        "correlation is about 0.4, in the plain net about 0.8.",
        "in the plain one": "Each of its layers writes the whole picture anew, and what is special "
        "about the digit fades. Between the pictures of two digits the correlation is about 0.8, "
        "in the residual net about 0.4 (medians of five seeds).",
        "in neither: all signals are normalised": "Normalisation sets the mean and the spread of a "
        "channel over many images. That says nothing about which pixels are bright for which "
        "digit.",
    },
    right=1,
)
contribution = Question(
    "How much does a typical block change its input in a trained residual net of 56 layers, "
    "compared with one in a net of 20?",
    choices={
        "less": "The same task is spread over more blocks, and each adds to a sum that has grown "
        "already. Each step is a smaller part of it.",
        "as much: all blocks are built the same": "They are, and each branch adds about as much. "
        "But we measure in parts of a[l], and a[l] grows from block to block: the sum in a deep "
        "net is larger.",
        "more, because a deeper net does more": "It does more steps. Each of them is smaller: in "
        "the median, less than three quarters of the one in the net of 20 layers.",
    },
    right=0,
)
