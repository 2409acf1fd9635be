"""The exercises of each notebook: what a right solution does, and which mistakes people make.

``checks`` is what they and the notebooks import; ``watching`` runs a solution, ``timing`` stops it,
``surgery`` looks at nets, and ``saying`` finds the words. ``marks`` keeps answers in a file, and
``reset`` sets exercises back; ``student`` makes the folder that students get. No helper outside
this folder imports them.
"""
