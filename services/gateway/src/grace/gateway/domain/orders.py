"""Tasks that come over HTTP: whom they are charged to, and what their keys are inside."""

LONGEST_KEY = 120
_PREFIX = "api:"
_LONGEST_ID = 128


def key_of(own: str) -> str:
    """The key inside: nobody outside takes the key of a service's task before the service does."""
    return _PREFIX + own


def own_key(key: str) -> str:
    """The key as its caller knows it."""
    return key.removeprefix(_PREFIX)


def origin_of(principal: str) -> str:
    """Who is charged: a person called `verification` gets no share of the service's."""
    return f"{_PREFIX}{principal}"[:_LONGEST_ID]
