"""The one way in which the generator refuses what is written in proto/."""


def refuse_if(wrong: bool, reason: str) -> None:
    """End the program where something is wrong."""
    if wrong:
        raise SystemExit(reason)
