"""What observability does on its own."""

from grace.observability.loops.cube import Count, Forget
from grace.observability.loops.probe import Probe
from grace.observability.loops.remediate import Follow, Submit
from grace.observability.loops.tidy import Expire, Prune
from grace.observability.loops.watch import Watch

__all__ = ["Count", "Expire", "Follow", "Forget", "Probe", "Prune", "Submit", "Watch"]
