"""Makes text from elsewhere harmless for a terminal. Pure."""


def harmless(text: str) -> str:
    r"""Return text with everything that could command a terminal, or hide, written as \x1b.

    Line ends stay; what is printable in any script stays as it is.
    """
    return "".join(each if each.isprintable() or each == "\n" else _named(each) for each in text)


def _named(character: str) -> str:
    return character.encode("unicode_escape").decode()
