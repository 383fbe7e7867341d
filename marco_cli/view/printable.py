"""Text from models, files and users on its way to a terminal: never markup, never control characters."""

_KEPT = "\n\t"


def printable(text: str) -> str:
    r"""Return text with its control characters made visible, so that it cannot steer a terminal.

    Escape, carriage return, C1 codes, bidirectional overrides and other invisible characters become `\x1b`, `\u202e`;
    line feeds and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    # Spaces of other scripts and the joiners that emoji and Indic scripts are written with are not printable to Python.
    if character.isprintable() or character in _KEPT or (character.isspace() and ord(character) > 0xA0):
        return character
    if character in "\u200c\u200d\ufe0f":
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
