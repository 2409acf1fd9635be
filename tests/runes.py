"""A language that nobody speaks: what is said in it can be translated, and all else is seen."""

import re


class Runes(dict):
    """A language in which all is said in other letters; values stay as they are."""

    def get(self, sentence, _default=None):
        parts = re.split(r"(\{[^}]*\}|\$.*\$|<.*?>)", sentence)
        return "".join(
            part if n % 2 else re.sub("[A-Za-z]", "ᛟ", part) for n, part in enumerate(parts)
        )
