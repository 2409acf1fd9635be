"""Predictions of notebook 0: asked before the panels that answer them."""

from helpers.quizzes.quiz import Question

nothing_left = Question(
    "The second W of every block is set to 0, and all b are 0. What comes out after 16 blocks?",
    choices={
        "The digit in both rows: a block that computes nothing changes nothing.": (
            "At W = 0 a plain block does not leave its input as it is. It multiplies it by 0, so 0 "
            "comes out, already after the first block."
        ),
        "Nothing in the plain row, and in the residual row the digit as it was.": (
            "A plain block returns g(0) = 0. A residual block returns g(0 + input), and the pixels "
            "are 0 or more, so g leaves them as they are, 16 times."
        ),
        "Nothing in the plain row, and in the residual row the digit 16 times as strong.": (
            "Each block does add its input once. But it adds it to 0, not to a second copy: "
            "0 + input is the input, at every block."
        ),
        "Nothing in both rows.": "That is right for the plain row. In a residual block the input "
        "has a second way, past both W, and nothing on that way changes it.",
    },
    right=1,
)
usual_size = Question(
    "Now the second W has its usual size, 1, the one made for plain nets. How large is the "
    "residual signal after 16 blocks?",
    choices={
        "About as large as at the start, as in the plain row.": (
            "Size 1 was chosen so that a plain block returns a signal about as large as it got. A "
            "residual block adds its input to that, so more comes out than went in, at every "
            "block."
        ),
        "About 17 times as large: 16 inputs are added to the first one.": (
            "That would be so if each block added the digit itself. It adds what it got, which has "
            "grown already. So the growth multiplies from block to block."
        ),
        "More than a hundred times as large.": "Each block returns its input plus a branch about "
        "as large, so the signal grows by a factor in each block: about 1.5 in a typical draw of "
        "W. Sixteen such factors make more than 600.",
    },
    right=2,
)
race = Question(
    "Two nets of 32 layers, alike but for the shortcuts. Which is ahead on the training images "
    "after ten epochs?",
    choices={
        "The residual net, far ahead; the plain one has hardly begun to learn.": (
            "The plain net is still no better than guessing: its loss is 2.30, and nine of ten "
            "images are wrong. The residual net gets a few of a hundred wrong."
        ),
        "Neither: they have the same number of parameters, so they can learn the same.": (
            "The numbers of parameters are equal, 34,090. But what a net could express is one "
            "thing, and what training finds in ten epochs is another."
        ),
        "The plain net on the training images; the residual net only on the test images.": (
            "A cure for overfitting would look like that. But the plain net does not overfit: it "
            "fails on the very images that it is trained on."
        ),
    },
    right=0,
)
