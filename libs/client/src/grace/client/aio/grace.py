"""The client: every noun of the API in one object."""

from grace.client.aio.approvals import Approvals
from grace.client.aio.approvers import Approvers
from grace.client.aio.attention import Attention
from grace.client.aio.autonomy import Autonomy
from grace.client.aio.baselines import Baselines
from grace.client.aio.benchmarks import Benchmarks
from grace.client.aio.consents import Consents
from grace.client.aio.events import Events
from grace.client.aio.freezes import Freezes
from grace.client.aio.governance import Governance
from grace.client.aio.holds import Holds
from grace.client.aio.intents import Intents
from grace.client.aio.keys import Keys
from grace.client.aio.knowledge import Knowledge
from grace.client.aio.log import Log
from grace.client.aio.missions import Missions
from grace.client.aio.observability import Observability
from grace.client.aio.orders import Orders
from grace.client.aio.playbooks import Playbooks
from grace.client.aio.policies import Policies
from grace.client.aio.quarantine import Quarantine
from grace.client.aio.schedules import Schedules
from grace.client.aio.steering import Steering
from grace.client.aio.system import System
from grace.client.aio.tasks import Tasks


class Grace(
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
