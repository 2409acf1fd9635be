"""The environment, the machine, the language of the course, a check of the installation, and the
server of ``make lab``.

When a notebook opens, ``opening`` tries the imports of its first cell, and ``origins`` asks whether
a file of the reader's hides a module.
"""
