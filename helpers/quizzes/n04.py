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
round_one = Question(
    "PyTorch's own start, each depth at its best learning rate. How does the training error of the "
    "PLAIN nets go from 2 to 8, 20 and 56 layers?",
    choices={
        "It falls: more layers can fit more.": "They can express more. But training has to find "
        "it, and after ten epochs it has not: from 20 layers on the nets are as bad as always "
        "naming the same digit.",
        "It rises gently, by a few percent each time.": "From 2 to 8 layers it rises from about 1 "
        "to about 10 percent. Then it breaks off: at 20 layers nearly nine images of ten are "
        "wrong.",
        "It grows to about 10 percent at 8 layers; from 20 on the nets learn next to nothing.": (
            "About 1, then about 10 percent, and then almost 90, at the best of three rates. That "
            "is no better than always naming the most frequent digit."
        ),
        "It is near 90 percent at every depth: this start is bad.": (
            "The start is bad for deep plain nets only. At 2 layers about 1 percent of the images "
            "are wrong, as with the other starts."
        ),
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
        "layers. At 56 the differences between images still shrink on the way, and about 7 of 10 "
        "images are wrong.",
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
    "Now the second layer of every block starts at 0. Which arm cannot learn to tell images apart "
    "as soon as it has a block?",
    choices={
        "Outside: at z = 0 the slope of ReLU is 0, so no gradient reaches its blocks.": (
            "No gradient reaches its blocks, that is right. But the first and the last layer "
            "learn, with the shortcuts between them, and these two are enough for our digits."
        ),
        "Plain: its blocks send out 0, whatever comes in.": (
            "W[l+2] = 0 and b[l+2] = 0 give g(0) = 0 for every image. The last layer cannot tell "
            "them apart, and always names the most frequent digit."
        ),
        "Inside: blocks that all do nothing leave nothing to learn from.": (
            "These blocks return their input, which is more than nothing. And at a[l] > 0 the "
            "slope of g is 1, so a gradient reaches W[l+2], and they wake up."
        ),
    },
    right=1,
)
patience = Question(
    "Plain nets with He's start get 50 epochs instead of 10. Which get below 2 percent wrong "
    "training images?",
    choices={
        "Those of 20 layers and those of 56: all that was missing was time.": (
            "Time helps both. But after 50 epochs more than 4 percent are wrong at 56 layers, in "
            "the median of five seeds, and fewer than 2 at 20."
        ),
        "Neither: more time does not cure a net that is too deep.": (
            "That would be a barrier. What we see is slowness: at 20 layers and a rate of 0.001 "
            "the error goes from about 16 percent to below 2."
        ),
        "Only those of 56 layers: they have more parameters to fit with.": (
            "They have, almost three times as many. But the more layers a plain net has, the more "
            "slowly it learned in round two."
        ),
        "Only those of 20 layers.": "At 20 layers patience is the cure. At 56 it helps, but not "
        "enough: five times the effort does not make up for the depth.",
    },
    right=3,
)
