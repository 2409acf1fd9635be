"""Small, independent modules behind the notebooks; import the one you need, for example ``from helpers import block``."""
