# Made from grace.client.aio by grace.client.twins: do not edit.
"""The client: every noun of the API in one object."""

from grace.client.sync.approvals import Approvals
from grace.client.sync.approvers import Approvers
from grace.client.sync.attention import Attention
from grace.client.sync.autonomy import Autonomy
from grace.client.sync.baselines import Baselines
from grace.client.sync.benchmarks import Benchmarks
from grace.client.sync.consents import Consents
from grace.client.sync.events import Events
from grace.client.sync.freezes import Freezes
from grace.client.sync.governance import Governance
from grace.client.sync.holds import Holds
from grace.client.sync.intents import Intents
from grace.client.sync.keys import Keys
from grace.client.sync.knowledge import Knowledge
from grace.client.sync.log import Log
from grace.client.sync.missions import Missions
from grace.client.sync.observability import Observability
from grace.client.sync.orders import Orders
from grace.client.sync.playbooks import Playbooks
from grace.client.sync.policies import Policies
from grace.client.sync.quarantine import Quarantine
from grace.client.sync.schedules import Schedules
from grace.client.sync.steering import Steering
from grace.client.sync.system import System
from grace.client.sync.tasks import Tasks


class SyncGrace(
    Approvals,
    Approvers,
    Attention,
    Autonomy,
    Baselines,
    Benchmarks,
    Consents,
    Events,
    Governance,
    Freezes,
    Holds,
    Intents,
    Keys,
    Knowledge,
    Log,
    Missions,
    Observability,
    Playbooks,
    Orders,
    Schedules,
    Policies,
    Quarantine,
    Steering,
    System,
    Tasks,
):
    """A connection to one gateway. Raises GraceClientError and nothing else.

    What is safe is sent again where an answer was lost or the gateway asks for patience: questions,
    and requests with the Idempotency-Key that each one gets. `patience` says how often.
    """
