"""What an operator may change about governance."""

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from grace.governance.domain.autonomy import Bar
from grace.governance.domain.brake import Tolerance
from grace.governance.domain.notices import flaw_of
from grace.governance.domain.permissions import Lifetimes
from grace.governance.domain.reminders import Rhythm
from grace.governance.domain.tiers import MOST_TARGETS, Limits
from grace.kit import Duration, ServiceSettings, service_config


class Settings(ServiceSettings):
    """The kit's settings, and how long permissions live."""

    model_config = service_config("governance")

    # The alert on grace_approval_latency_seconds fires at one hour: nobody waits longer unseen.
    approval_ttl: Duration = timedelta(hours=1)
    # From an action's turn to its start; a queue that is longer asks again. The first of a plan has its
    # turn at the grant, each other when those before it have had the time that their measures need.
    apply_ttl: Duration = timedelta(minutes=15)
    # A revert ends when its contract closes, which the worker hears. This is for a contract that rests
    # as needs_attention over a long weekend.
    revert_ttl: Duration = timedelta(days=7)
    # Where what cannot be undone is tier 3; so it is where nobody told the environment.
    protected_environments: tuple[str, ...] = ("production",)
    # A plan that changes more targets than this is one tier higher.
    blast_radius: int = Field(default=5, ge=1)
    # A plan with more targets than this is refused, whoever would approve it.
    most_targets: int = Field(default=MOST_TARGETS, ge=1)
    # Changes that may run without people within the window, by tenant and class of targets.
    change_budget: int = Field(default=20, ge=0)
    change_window: Duration = timedelta(hours=1)
    # Actions of any tier that may run without people on one target within the same window: what
    # brings on the error that it answers would go round for ever.
    target_budget: int = Field(default=30, ge=0)
    # So many effects of a tenant that did not hold within the window pull its brake: until a person
    # lets it go, nothing runs without people.
    brake_after: int = Field(default=10, ge=1, le=1000)
    brake_window: Duration = timedelta(hours=1)
    # A promotion: so many verified outcomes since the last move, and with 95 % so many that hold.
    promote_after: int = Field(default=20, ge=1)
    promote_bound: float = Field(default=0.85, gt=0, lt=1)
    # Nobody's word holds longer than this: a standing approval, and a consent to use a secret.
    longest_standing: Duration = timedelta(days=90)
    # A word that ends sooner is counted by grace_governance_words_ending, which an alert watches; not one
    # that was given for less than twice as long.
    word_warning: Duration = timedelta(days=7)
    # An approval that is due late by a second does no harm: decide checks the clock itself.
    expire_interval: Duration = timedelta(seconds=1)
    # Somebody who has not looked for a quarter of an hour is told again; each word after the first
    # one goes a step up the chain.
    reminder_interval: Duration = timedelta(minutes=15)
    # Groups of approvers that are asked in turn while an approval waits.
    escalation_chain: tuple[str, ...] = ()
    # A review of broken glass has no end of its own: it is told of daily until it is done.
    review_interval: Duration = timedelta(hours=24)
    # How often what waits is looked at.
    remind_interval: Duration = timedelta(seconds=5)
    # Who is told of what waits for people, beside the bus. Each host has to be listed below.
    webhook_urls: tuple[str, ...] = ()
    # Names that may be connected to; none: no webhook at all.
    webhook_hosts: tuple[str, ...] = ()
    # Networks in CIDR that a listed name may lead to although they are not public.
    webhook_networks: tuple[str, ...] = ()
    # Signs what is sent; 24 bytes or more, as a file that others cannot read.
    webhook_secret_file: Path | None = None
    webhook_timeout: Duration = timedelta(seconds=5)
    # After a day nobody needs to hear of it by a webhook any more.
    webhook_give_up: Duration = timedelta(hours=24)
    webhook_interval: Duration = timedelta(seconds=1)
    # A worker stops after 1 s of silence: four chances to hear one beacon. Each is read anew, so
    # that every replica tells of the kill switch within this; the one that turned it does at once.
    permit_interval: Duration = timedelta(milliseconds=250)
    # A worker begins no apply by a list of consents older than 5 s: four chances to hear one. A
    # change is told at once.
    consents_interval: Duration = timedelta(seconds=1)

    @model_validator(mode="after")
    def _webhooks_can_be_told(self) -> Self:
        """Refuse at the start what would only fail in the middle of a night."""
        for network in self.webhook_networks:
            ip_network(network)
        for number, url in enumerate(self.webhook_urls, start=1):
            if flaw := flaw_of(url, self.webhook_hosts):
                raise ValueError(f"webhook_urls: number {number} {flaw}")
        if self.webhook_urls and self.webhook_secret_file is None:
            raise ValueError("webhook_urls need a webhook_secret_file to sign with")
        return self

    @property
    def bar(self) -> Bar:
        """What evidence a promotion needs."""
        return Bar(self.promote_after, self.promote_bound)

    @property
    def limits(self) -> Limits:
        """From where on a change risks more than its operation says."""
        return Limits(frozenset(self.protected_environments), self.blast_radius, self.most_targets)

    @property
    def tolerance(self) -> Tolerance:
        """How much may fail before automation stops itself."""
        return Tolerance(self.brake_after, self.brake_window)

    @property
    def lifetimes(self) -> Lifetimes:
        """How long what a grant allows is allowed."""
        return Lifetimes(apply=self.apply_ttl, revert=self.revert_ttl)

    @property
    def rhythm(self) -> Rhythm:
        """How often people hear of what waits, and whose turn it is."""
        return Rhythm(self.reminder_interval, self.escalation_chain)
