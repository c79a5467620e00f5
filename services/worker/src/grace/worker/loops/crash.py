"""The moments of an attempt at which a test may let the worker die."""

from typing import Final

_OF_EVERY_STEP: Final = ("claimed", "before_report")
_OF_AN_EFFECT: Final = (
    "before_intent",  # planned and observed, nothing stored
    "intent_committed",  # the before-state and the intent to act are stored
    "before_effect",  # the permit was looked at for the last time
    "after_effect",  # the world is changed, nobody has looked at it
    "before_receipt",  # what it left was observed, and is not stored
    "after_receipt",  # stored, and nobody was told
)

MOMENTS: Final = (
    *(f"observe.{moment}" for moment in _OF_EVERY_STEP),
    *(
        f"{step}.{moment}"
        for step in ("apply", "revert")
        for moment in (*_OF_EVERY_STEP[:1], *_OF_AN_EFFECT, *_OF_EVERY_STEP[1:])
    ),
    "reported",  # htm's stream has what came of an attempt
)
