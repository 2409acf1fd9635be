"""The engine room of files: class folders of pictures, checksums, torchvision's weights,
notebooks, and how files are written.
"""
