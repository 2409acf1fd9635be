"""Predictions of notebook 7: asked before the panels and experiments that answer them."""

from helpers.quizzes.quiz import Question

step_length = Question(
    "A plain convolutional net of 56 layers, with batch normalisation, before any training. All "
    "its parameters go a step of length 0.01 against the gradient. How much do the old and the new "
    "gradient have in common?",
    choices={
        "nearly all: their cosine is above 0.8": "So it is in the residual net of 56 layers, and "
        "in a plain net of 8. The step is less than a thousandth of the length of all weights. But "
        "in the deep plain net the loss bends within less than that.",
        "next to nothing: their cosine is near 0": "The gradient is a signpost that turns while "
        "you take the step. Gradient descent then goes by directions that are no longer true when "
        "it arrives.",
        "they are opposite: their cosine is near -1": "That would be a narrow valley, and the step "
        "goes to its other side. But among tens of thousands of parameters, two directions that "
        "have nothing to do with each other are at right angles, and that is what we find.",
    },
    right=1,
)
wiggles = Question(
    "We walk from the image of a 3 to that of an 8, in 256 equal steps, and note the slope of a "
    "score at each. The net is plain, has 56 layers with normalisation, and is not trained. How "
    "does the slope at one point go with the slope at the next?",
    choices={
        "they are nearly equal: 256 steps are close together": "Close enough for a plain net of 8 "
        "layers, and in the residual net of 56 the correlation is still above a half. In the deep "
        "plain net the slope changes many times between two points.",
        "it changes its sign at every step, like a zigzag": "A zigzag would be a rule too: who "
        "knows one slope would know the next, and the correlation would be near -1. It is near 0.",
        "like two throws of a die: they have nothing to do with each other": (
            "The correlation is near 0, as in white noise. That is why Balduzzi et al. 2017 call "
            "such gradients shattered."
        ),
    },
    right=2,
)
who_will_train = Question(
    "Ten kinds of nets of 56 layers, none of them trained yet. Which kinds will train?",
    choices={
        "the four residual ones, and none of the six plain ones": "A shortcut is neither enough "
        "nor needed. The residual nets with He's start fail. The plain nets that start at W = I, "
        "or near it, train.",
        "those whose gradient has the same size in the first block and in the last": (
            "The residual nets with He's start have such gradients, and fail. A gradient of the "
            "right size is of no use if it is nearly the same for every image."
        ),
        "those in which a change of the image comes through in many directions": (
            "Where a handful of directions come through, the net fails; where most of the living "
            "ones do, it trains. Plain or residual makes no difference to that rule."
        ),
        "nobody can tell before training: it depends on the learning rate": (
            "Each kind had two rates, and the better one counts. The kinds that fail do so at both "
            "of them, and the count of directions gave it away before the first step."
        ),
    },
    right=2,
)
lesions = Question(
    "Three kinds of trained nets with 9 blocks. We delete one block, and count wrong test images "
    "again. Which kinds hardly notice?",
    choices={
        "only the residual net: the signal takes the shortcut past the gap": (
            "That is how the experiment is usually told. One control was missing: a plain net "
            "whose blocks started as the identity. It hardly notices either, without a shortcut."
        ),
        "the residual net, and the plain net that started at the identity": (
            "To delete a block is to replace it by the identity. Where a block is near the "
            "identity already, little changes, whatever brought it there."
        ),
        "all of them: one block of nine does little": "The plain net with He's start is near "
        "guessing without one of its blocks. Each layer reads exactly what the one before it "
        "writes.",
        "none: all blocks were trained to work together": "So they were, in all three. Yet two of "
        "the three lose a few images only: most of the signal goes on as it was.",
    },
    right=1,
)
read_early = Question(
    "The last layer of a trained net is applied after every block, as if the net ended there. How "
    "does the test error change on the way through the net?",
    choices={
        "step by step in the residual net, all at once at the end of He's plain net": (
            "In He's plain net most images are wrong until the last block has done its work. The "
            "residual net answers better after nearly every block."
        ),
        "step by step in both": "So it is in the residual net: each block adds a little to an "
        "answer that is there already. In the plain net with He's start there is nothing to read "
        "before the end.",
        "all at once at the end in both: the last layer learned to read the end only": (
            "It did. But a residual block leaves most of its input as it is, so what the last "
            "layer reads is there early, and grows."
        ),
    },
    right=0,
)
verdict = Question(
    "Three nets start as the identity: a plain one, a residual one, and the plain one written as "
    "W = I + V. Now strong weight decay acts while they learn. Who suffers?",
    choices={
        "both plain ones: they have no shortcut": "The one that is written as W = I + V has none, "
        "and does as well as the residual net. Decay acts on V, so it pulls W to I.",
        "the residual one most: decay silences its branches": "It does, and a silent branch leaves "
        "the identity. The net becomes a shallower one, and goes on working.",
        "all three alike: they start as the same function": "The same function, but not the same "
        "weights. Decay acts on weights, and asks how far each of them is from 0.",
        "the plain one only": "Decay pulls its W from I to 0, where a plain block passes nothing "
        "on. The other two are pulled to V = 0 and to silent branches: to the identity.",
    },
    right=3,
)
