"""The engine room of files: class folders of pictures, checksums, torchvision's weights,
notebooks, texts, and how files are written.
"""
