"""The questions of each notebook, asked before the panel or experiment that answers them.

They are not in the notebooks, so that the cell that asks holds no answer:
``from helpers.quizzes import n01 as quiz``.
"""
