"""How the demonstration is printed: one line for each step, with the target's throughput beside it."""

import asyncio
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from grace.stack.demo.report import IncidentReport, Step
from grace.stack.demo.throughput import Throughput, sparkline

_WIDTH = 12  # seconds in a sparkline: with it, a step without its summary fits 80 columns
_MOVE_EVERY = 0.25  # seconds
_SERVICES = {"outside": "yellow", "verification": "cyan", "governance": "magenta"}
_GOOD, _BAD = "bold green", "bold red"


class Show:
    """Prints to a console, be it a terminal, a pipe or a file."""

    def __init__(self, console: Console, read: Throughput) -> None:
        """Print to a console, with the throughput that is being read."""
        self._console = console
        self._read = read
        self._top = 1.0
        self.waits_for = ""

    def title(self, text: str) -> None:
        """The beginning of something new."""
        self._console.print()
        self._print(Text(text, style="bold"))

    def line(self, text: str, style: str = "") -> None:
        """Something that is no step of a mission."""
        self._print(Text(f"  {text}", style=style))

    def scale(self, top: float) -> None:
        """Draw the throughput that is normal as a full bar."""
        self._top = max(top, 1.0)

    def step(self, step: Step) -> None:
        """One step of a mission, when it happened, and how the target does meanwhile."""
        line = Text("  ")
        line.append(f"{step.ms:>+7,} ms ", style="dim")
        line.append(f"{step.service:<13}", style=_SERVICES.get(step.service, "blue"))
        line.append(f"{step.subject:<31} ")
        line.append(self.spark(), style="green")
        line.append(f"{self.now:>5.0f}/s  ")
        line.append(step.summary, style="dim")
        # A terminal shows one line for each step; a file keeps all of it.
        if self._console.is_terminal:
            line.truncate(self._console.width, overflow="ellipsis")
        self._print(line)

    def spark(self) -> str:
        """The last seconds as bars."""
        last = [s.throughput for s in self._read.seconds[-_WIDTH:]]
        bars = sparkline(last, top=self._top).rjust(_WIDTH)
        return bars if self._console.encoding.startswith("utf") else " " * _WIDTH

    @property
    def now(self) -> float:
        """Throughput of the last second."""
        return self._read.seconds[-1].throughput if self._read.seconds else 0.0

    def phases(self, told: IncidentReport) -> None:
        """How the target did before, during and after."""
        for phase, throughput in told.throughput.items():
            rate = told.error_rate[phase]
            errors = "no answer" if rate is None else f"{rate:.0%} errors"
            seconds = told.full_seconds[phase]
            self.line(f"{phase:<7} {throughput:>6.1f} commits/s, {errors} ({seconds} s)")

    def verdict(self, text: str, *, good: bool) -> None:
        """How it ended."""
        self._print(Text(f"  {text}", style=_GOOD if good else _BAD))

    def lines(self, texts: Iterable[str]) -> None:
        """Several lines."""
        for text in texts:
            self.line(text)

    async def move(self) -> None:
        """Keep a line at the bottom of a terminal moving until cancelled; elsewhere nothing."""
        with self._console.status("", refresh_per_second=4) as status:
            while True:
                text = Text(f"{self.spark()} {self.now:>5.0f}/s  {self.waits_for}", style="green")
                status.update(text)
                await asyncio.sleep(_MOVE_EVERY)

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)
