"""Predictions of notebook 8: asked before the panels and experiments that answer them."""

from helpers.quizzes.quiz import Question

work_of_depth = Question(
    "110 layers are 5.5 times as many as 20. How many times as many multiply-adds does the deep "
    "net need?",
    choices={
        "5.5 times": "It would be if all layers cost the same. Four of them are cheaper in every "
        "net: the first, the last, and the two that double the channels.",
        "Less than 5.5 times": "Deep layers have small pictures, but more channels: the product is "
        "the same in all three stages.",
        "More than 5.5 times": "The few cheap layers are a smaller share of the deep net. It is "
        "6.2 times.",
    },
    right=2,
)
class_waits = Question(
    "30 students press the button at the same moment. The server has 16 cores. How much longer "
    "does each wait than one alone?",
    choices={
        "30 times as long": "That is so on one core. Here 16 kernels work at the same time.",
        "About twice as long": "30 kernels share 16 cores: each gets 16/30 of a core, and waits "
        "1.9 times as long.",
        "No longer: each student has a kernel": "Each student has a kernel, a process with memory "
        "of its own. All of them share the cores.",
    },
    right=1,
)
enough_devices = Question(
    "50 trainings, ten for each of five depths, the longest first. How many devices finish them as "
    "fast as 50 do?",
    choices={
        "10, one for each of the longest": "The ten of 110 layers would be done in time. But the "
        "40 others are still waiting then.",
        "25": "With 50 devices all wait for a training of 110 layers. Meanwhile a device can do "
        "two or more of the short ones, so that half the devices are enough.",
        "Only 50 do": "With 50 devices most of them are idle after a short training, while the "
        "deep nets still train.",
    },
    right=1,
)
