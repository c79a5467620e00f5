"""What this process has heard and not written down: beats, and the answers of components."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic

from grace.observability.domain.health import ComponentHealth
from grace.observability.store.beats import HeardBeat

# Names are checked, instances are not: a service that lies about them must not fill the memory.
_MOST_BEATS = 1_000


@dataclass(slots=True)
class Pulse:
    """The last beat of each process since the last time that they were taken."""

    _heard: dict[tuple[str, str], tuple[HeardBeat, float]] = field(default_factory=dict)
    _since: float = field(default_factory=monotonic)

    def hear(self, beat: HeardBeat) -> None:
        """Remember a beat that has just come in."""
        key = (beat.service, beat.instance)
        if key in self._heard or len(self._heard) < _MOST_BEATS:
            self._heard[key] = (beat, monotonic())

    def take(self) -> list[HeardBeat]:
        """Hand over what was heard, each with its age."""
        heard, self._heard = self._heard, {}
        now = monotonic()
        return [replace(beat, age=timedelta(seconds=now - at)) for beat, at in heard.values()]

    def put_back(self, beats: list[HeardBeat]) -> None:
        """Remember again what could not be written down, but for what was heard since."""
        now = monotonic()
        for beat in beats:
            key = (beat.service, beat.instance)
            self._heard.setdefault(key, (beat, now - beat.age.total_seconds()))

    def has_listened(self, duration: timedelta) -> bool:
        """Whether it has listened for so long."""
        return monotonic() - self._since >= duration.total_seconds()


@dataclass(slots=True)
class Components:
    """How what Grace can use was, when it was last asked."""

    _found: Mapping[str, ComponentHealth] = field(default_factory=dict)

    def show(self, found: Mapping[str, ComponentHealth]) -> None:
        """Take the place of what was found before."""
        self._found = dict(found)

    def all(self) -> list[ComponentHealth]:
        """Return every component, by name."""
        return [self._found[name] for name in sorted(self._found)]
