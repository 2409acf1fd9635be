"""The engine room of files: class folders of pictures, checksums, and how files are written."""
