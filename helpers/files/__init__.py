"""The engine room of ``datasets``: pictures in class folders, and files with a known checksum."""
