"""What tests of Grace stand on: real servers, never stand-ins for our own code."""

from grace.testkit.house import House
from grace.testkit.places import server_folder
from grace.testkit.waiting import eventually

__all__ = ["House", "eventually", "server_folder"]
