"""The helpers of the course. Start with the front, eight files:

block       one block in NumPy, as in the lecture: the idea is one visible line
nets        the same block in PyTorch, and nets made of it; plain and residual differ by one switch
training    train is the loop; train_many does the same for many nets; fair compares kinds of nets
datasets    digits, a folder of your own pictures, the published figures
plots       arrays and axes in, artists out
diagrams    the block and the nets as drawings
explore     controls and a figure become one panel
probes      what flows through a net

Behind it stand wings, which use the front: exercises (checks), quizzes (questions), studies (sweeps,
the paper's recipe, CIFAR-10) and press (book, slides, teachers' notebooks); and engine rooms, which
the front uses: panels (of explore), lockstep (of training), files (of datasets) and setup (folder,
machine, self-check, server). Imports lead from wings to the front to the engine rooms, never back.
"""
