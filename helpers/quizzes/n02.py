"""Predictions of notebook 2: asked before the panels and experiments that answer them."""

from helpers.quizzes.quiz import Question

shrunk_to_zero = Question(
    "The slider reaches 0: W[l+2] = 0 and b[l+2] = 0. Where are the three clouds of points?",
    choices={
        "All three on the floor": "With W[l+2] = 0 each branch gives 0. That is all that a plain "
        "block has, but the residual blocks add a[l].",
        "Plain on the floor, both residual ones on the diagonal": (
            "The plain block returns g(0) = 0. Both residual blocks are left with a[l] alone: "
            "output equals input."
        ),
        "Plain and inside on the floor, outside on the diagonal": (
            "Inside, a[l] has to pass g. But g lets it pass: it is ReLU, and every a[l] is 0 or "
            "more."
        ),
        "All three on the diagonal": "A plain block has no way for a[l] past its layers. It needs "
        "W to hand on anything at all.",
    },
    right=1,
)
bias_that_stays = Question(
    "Only W decays, and b stays as it was. Where does the inside block end?",
    choices={
        "Near the identity, a little off": "With W[l+2] = 0 the block computes g(a[l] + b[l+2]). "
        "The bias that stayed moves every unit: here the distance is about 0.05.",
        "At the identity, exactly": "That needs b[l+2] = 0 too. A unit with a bias of 0.1 returns "
        "a[l] + 0.1.",
        "As far from it as at the start": "Most of the block is W, and W is gone. Only the bias is "
        "left, a small number for each unit.",
    },
    right=0,
)
strong_decay = Question(
    "Ridge regression, with a strength of 10,000. What do the two blocks W a and W a + a compute?",
    choices={
        "Both come close to the target y": "They do when the strength is small. At 10,000 any W "
        "that is not tiny costs far more than the data can pay.",
        "Both give nearly 0": "W is nearly 0 in both. But the residual block still adds a: 0 + a "
        "is a.",
        "W a gives nearly 0, and W a + a gives nearly a": "The penalty forces W to almost 0 in "
        "both blocks. What is left is 0 for one, and the input for the other.",
    },
    right=2,
)
copy_the_input = Question(
    "Most residual blocks learn to copy their input in less than 50 steps. Of 40 plain blocks, how "
    "many have done it after 1,000, at their best rate?",
    choices={
        "None, or next to none": "It has to build the identity out of two matrices with ReLU "
        "between them, and from random numbers it seldom finds it.",
        "About half": "It would be so if it were only slower. But most plain blocks come to rest "
        "elsewhere, and more steps hardly help.",
        "All: the identity is an easy function": "It is easy to write down, with both W the "
        "identity matrix. From random weights, gradient descent has to find it first.",
    },
    right=0,
)
