"""Small, independent modules behind the notebooks; import the one you need: ``from helpers import block``."""
