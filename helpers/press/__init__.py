"""What is handed out: the book, the slides, the notebooks for teachers, and the look of pages."""
