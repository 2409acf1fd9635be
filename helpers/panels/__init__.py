"""The engine room of ``explore``: a panel, a film, the drawing, and what the page does (panel.js,
panel.css).
"""
