"""The engine room of ``explore`` and ``plots``: panel, film and its reel, drawing, fast artists."""
