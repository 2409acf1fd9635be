"""The helpers of the course. Start with the front, eight files:

block       one block in NumPy, as in the lecture: the idea is one visible line
nets        the same block in PyTorch, and nets of blocks; plain and residual: one switch
training    train is the loop; train_many does the same for many nets; fair compares kinds of nets
datasets    digits, a folder of your own pictures, the published figures
plots       arrays and axes in, artists out
diagrams    the block and the nets as drawings
explore     controls and a figure become one panel
probes      what flows through a net

Four wings use the front: exercises (what a right solution does; the students' folder), quizzes
(questions), studies (sweeps, the paper's recipe, photographs, a pretrained net) and press (book,
slides, notebooks for teachers). Five engine rooms serve it: panels (explore's), lockstep
(training's), inputs (looks at what people hand in), files (pictures, torchvision's weights,
notebooks, and how files are written) and setup (folder, machine, language, the opening of a
notebook and where its modules come from, self-check, server). Imports lead from wings to the front
to the engine rooms, never back.
"""
