"""The questions of each notebook, asked before the panel or experiment that answers them.

Kept apart from the notebooks, so that no answer stands in the cell that asks:
``from helpers.quizzes import n01``.
"""
