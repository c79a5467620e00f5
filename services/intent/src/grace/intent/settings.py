"""What an operator may change about intent."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from grace.kit import Duration, ServiceSettings, service_config


class Settings(ServiceSettings):
    """The kit's settings, and how errors are taken in and planned for."""

    model_config = service_config("intent")

    # Who answers for unsigned reports: whoever handed out the outside credentials. The same
    # person may then not approve what follows.
    outside_principal: str = Field(default="admin", pattern=r"^[A-Za-z0-9._:-]{1,128}$")
    # Enough to see what a storm looked like; how large it was is a number.
    kept_signals: int = Field(default=20, ge=1, le=1000)
    # A report that was sent before its mission closed is an echo. Streams keep reports 72 h, so
    # no echo is older.
    late_window: Duration = timedelta(hours=72)
    # An error whose last report is older when it could be planned for is not answered: after a long freeze, or days
    # without workers, the world is another one. What was reported once waits for a person, for as long once more.
    stale_after: Duration = timedelta(hours=24)
    # A folder of the operator's own playbooks; None where there are only the shipped ones.
    playbook_dir: Path | None = None
    # A new file in that folder counts after at most this.
    load_interval: Duration = timedelta(minutes=1)
    # A captured error wakes the planner; this is for those that another replica gave back.
    plan_interval: Duration = timedelta(seconds=1)
    # Plans of one transaction: a few hundred questions to the workers at most.
    plan_batch: int = Field(default=32, ge=1, le=256)
    # Longer than all questions of a batch take when each one times out.
    plan_lease: Duration = timedelta(seconds=30)
    # A validation touches nothing and answers in milliseconds.
    validate_timeout: Duration = timedelta(seconds=3)
    # A yes of the workers is not asked for again within this; they check again before they act.
    answers_kept: timedelta = Field(default=timedelta(seconds=10), ge=timedelta(0))
    # An error that came back so often has a cause that no playbook mends; it waits for its rate
    # to fall below this. A playbook may have its own.
    flap_count: int = Field(default=30, ge=2, le=100)
    flap_within: Duration = timedelta(minutes=10)
    # How long a target rests after it was acted on; a playbook may have its own.
    target_cooldown: timedelta = Field(default=timedelta(0), ge=timedelta(0))
    # The same action without improvement so often in a row stops, and a person is asked.
    loop_limit: int = Field(default=3, ge=1, le=20)
    # Ends come as messages; this is for those that were lost, and for missions that verification
    # never heard of.
    recall_after: timedelta = Field(default=timedelta(minutes=1), ge=timedelta(0))
    # People take hours to approve: asked less often each time, down to this.
    recall_at_most: timedelta = Field(default=timedelta(minutes=15), ge=timedelta(0))
    # How often the table is looked at for what is due.
    recall_interval: Duration = timedelta(seconds=15)
    # Times of errors that were too few for a mission take a row each until they are forgotten.
    forget_interval: Duration = timedelta(minutes=10)
    # Questions of one tick, one after the other.
    recall_batch: int = Field(default=64, ge=1, le=1000)
