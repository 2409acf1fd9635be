"""The command lines of this folder: a line for each file that is made, or one on what is wrong."""

import sys


def main(make, default, *options):
    """Print what ``make(target, sources)`` yields for the words of the command line.

    default: the target if there are no words; sources are None if there is one at most.
    options: what else may be there, for ``make`` to look for. Exits with 2, and how the command is
    called, for any other option; with 1, and one sentence, for a ValueError, an OSError or Ctrl-C.
    """
    words = [word for word in sys.argv[1:] if word not in options]
    if any(word.startswith("-") for word in words):
        print(sys.modules["__main__"].__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        for line in make(*words[:1] or [default], words[1:] or None):
            print(line, flush=True)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Stopped. What was written before is whole.")


def weigh(path):
    """Return a line with a file and its size."""
    return f"{path.stat().st_size / 1e6:5.2f} MB  {path}"
