"""The engine room of ``training``: many nets as one, and what is wrong with the arguments of a
training.
"""
