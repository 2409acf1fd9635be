"""The exercises of each notebook: what a right solution does, and which mistakes people make.

Each file stands where its notebook stands: it joins the helpers that it needs, and no helper
imports it.
"""
