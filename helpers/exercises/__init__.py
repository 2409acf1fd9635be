"""The exercises of each notebook: what a right solution does, and which mistakes people make.

``checks`` is what they and the notebooks import; ``watching`` runs a solution, ``timing`` stops it,
and ``saying`` finds the words. No helper outside this folder imports them.
"""
