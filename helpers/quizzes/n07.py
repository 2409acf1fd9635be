"""Predictions of notebook 7: asked before the panels and experiments that answer them."""

from helpers.quizzes.quiz import Question

step_length = Question(
    "A plain convolutional net of 56 layers, with batch normalisation, before any training. All "
    "its parameters go one step of length 0.01 against the gradient. How much do the old and the "
    "new gradient have in common?",
    choices={
        "nearly all: their cosine is above 0.9": "So it is in the residual net of 56 layers, and "
        "in a plain net of 8. A step of 0.01 is a tiny part of the length of all weights. But in "
        "the deep plain net the loss bends within less than that.",
        "next to nothing: their cosine is below 0.2": "The gradient is a signpost that turns while "
        "you take a hundredth of a step. Gradient descent then walks by directions that are no "
        "longer true when it arrives.",
        "they are opposite: their cosine is near -1": "That would be a narrow valley, with the "
        "step going too far across it. But two directions among tens of thousands that have "
        "nothing to do with each other are at right angles, and that is what we find.",
    },
    right=1,
)
wiggles = Question(
    "We walk on a straight line of inputs, in 256 equal steps, and note the slope of the output at "
    "each. The net is plain, has 50 layers and normalisation, and is not trained. How does the "
    "slope at one point go with the slope at the next?",
    choices={
        "they are nearly equal: 256 steps are close together": "Close for a net of 2 layers, and "
        "for a residual net of 50, where the correlation is well above a half. In the deep plain "
        "net the slope changes many times between two points.",
        "it changes its sign at every step, like a zigzag": "A zigzag would be a rule too: who "
        "knows one slope would know the next, and the correlation would be near -1. It is near 0.",
        "as two numbers from a die: they have nothing to do with each other": "The correlation is "
        "near 0, as in white noise. That is why Balduzzi et al. 2017 call such gradients "
        "shattered.",
    },
    right=2,
)
who_will_train = Question(
    "Seven nets of 56 layers, not trained yet. A small change of the signal passes their 54 inner "
    "layers. Which nets will train?",
    choices={
        "those that let a change through in many directions": "In those that train, about twenty "
        "directions come through. In the others a handful is left, and all images are told apart "
        "by these alone.",
        "those in which the largest change that comes out has about the size that went in": (
            "That forbids explosion, and it is not enough: the plain net with He's start has it, "
            "and so has an orthogonal start. Both fail, since one direction survives and the "
            "tenth is gone."
        ),
        "nobody can tell: that depends on the learning rate": "Each net had three learning rates, "
        "and the best one counts. Those that fail do so at all of them, and the first signal they "
        "pass on gave it away.",
    },
    right=0,
)
lesions = Question(
    "We delete one block of a trained net, and count wrong test images again. Which nets hardly "
    "notice?",
    choices={
        "only the residual net: a[l] takes the shortcut past the gap": (
            "That is how the experiment is usually told. It left out one control: a plain net "
            "whose blocks started as the identity. It hardly notices either, and has no shortcut."
        ),
        "the residual net, and the plain net that started at W = I": "A block that is near the "
        "identity can be missed. The lesion measures that nearness, whatever brought it about.",
        "all of them: one block of many does little": "A plain net with He's start is at the level "
        "of guessing without one of its blocks. Each of its layers reads what exactly the one "
        "before it writes.",
        "none: all blocks were trained together": "So they were, in the residual net as well. Yet "
        "it loses a few images only: most of the signal goes on as it was.",
    },
    right=1,
)
read_early = Question(
    "The last layer of a trained net is applied after every block, as if the net ended there. How "
    "does the test error change on the way through the net?",
    choices={
        "in both nets it falls step by step": "So it does in the residual net: each block adds a "
        "little to an answer that is there already. In the plain net with He's start nothing can "
        "be read before the end.",
        "in both nets nothing can be read before the last block": "The last layer learned to read "
        "the end only. But a residual block leaves most of its input as it is, so what the last "
        "layer reads is there early.",
        "step by step in the residual net, and all at once at the end of the plain net": (
            "The plain net is at about 90 % wrong, the level of guessing, until its last block. "
            "The residual net answers better after each of its first blocks."
        ),
    },
    right=2,
)
verdict = Question(
    "A plain and a residual net both start as the identity, and both can be trained. Now strong "
    "weight decay acts while they learn. Which one suffers more?",
    choices={
        "the plain net": "Decay pulls all weights to 0. For the residual block that is the "
        "identity, where it started. The plain block is pulled from W = I to W = 0, where it "
        "passes nothing on.",
        "the residual net: decay silences its branches": "It does, and a silent branch leaves the "
        "identity: the net becomes a shallower one, and goes on working.",
        "both alike: they start as the same function": "The same function, but not the same "
        "weights. Decay acts on weights, and the two identities lie at different places.",
    },
    right=0,
)
