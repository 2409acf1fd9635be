"""Predictions of notebook 5: asked before the panels and experiments that answer them."""

from helpers.quizzes.quiz import Question

difference = Question(
    "scores has shape (10, 1) and targets has shape (10,). What is scores - targets?",
    choices={
        "an error: the shapes differ": "They differ, but one of the sizes is 1. NumPy then refuses "
        "nothing: it copies along that axis until the shapes fit.",
        "10 differences, each score minus its own target": "That is what was meant. But NumPy "
        "compares shapes from their end, so (10,) counts as a row, (1, 10), and the scores are a "
        "column.",
        "100 differences": "The column is copied 10 times to the right and the row 10 times down. "
        "The result has shape (10, 10): every score minus every target.",
    },
    right=2,
)
same_padding = Question(
    "Stride 1, a kernel of 5 x 5, an image of 64 x 64. With which padding is the output 64 x 64 "
    "again?",
    choices={
        "1": "That is the one for 3 x 3. A 5 x 5 kernel gives 64 + 2 - 5 + 1 = 62.",
        "2": "The kernel loses 5 - 1 = 4 places, and padding 2 gives 2 back on each side: 64 + 4 - "
        "5 + 1 = 64.",
        "4": "The kernel does lose 4 places. But the padding is there on both sides: 64 + 8 - 5 + "
        "1 = 68.",
        "5": "Padding as wide as the kernel is too much: 64 + 10 - 5 + 1 = 70.",
    },
    right=1,
)
only_channels = Question(
    "A 1 x 1 convolution makes one channel from the red, green and blue of a photograph. What can "
    "it not do?",
    choices={
        "draw the edges": "An edge is a difference between neighbours, and a 1 x 1 kernel sees one "
        "pixel at a time. It cannot tell an edge from an area of the same colour.",
        "show the green channel and nothing else": "It can: the weights 0 for red, 1 for green and "
        "0 for blue do it.",
        "make a blue background darker than a face": "It can: red 1, green 0, blue -0.4. A weight "
        "below 0 makes a pixel darker where that colour is strong.",
    },
    right=0,
)
projections = Question(
    "A net of 20 layers has 9 blocks, and 2 of them change the dimension. B has 208 more "
    "parameters than A. How many more does C have than A?",
    choices={
        "0: C learns what B learns": "A learned matrix has as many parameters as entries. C has "
        "one on every shortcut.",
        "208, as B has": "That is for the 2 blocks that change the dimension. C has a matrix on "
        "the other 7 as well.",
        "about 1,000": "C has 9 matrices and B has 2 of them. If all were equally large, C would "
        "have 9 / 2 x 208 = 936 more. Counted one by one, it is 1,016.",
        "about 17,000, as many as the net has without them": (
            "A 1 x 1 convolution has a ninth of the weights of a 3 x 3 one between the same "
            "channels, and there is one of them for every two layers."
        ),
    },
    right=2,
)
