"""Who comes to the target, and how: one role each, none of them a superuser."""

from enum import StrEnum


class Role(StrEnum):
    """A login at the target."""

    OWNER = "target_owner"  # owns the database and what is in it
    SHOP = "shop_app"  # the load
    CARELESS = "careless"  # whoever causes the incidents
    ACT = "grace_ops"  # Grace, to change something
    OBSERVE = "grace_observe"  # Grace, to measure: it cannot change anything
    WATCH = "watcher"  # the monitoring, which is not Grace's
