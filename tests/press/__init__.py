"""The test press: a real HTTP server on loopback that plays as many outlets as are wanted, well or badly."""

from tests.press.client import START, OutletState, Press, PressError, State
from tests.press.log import Kind, Request
from tests.press.newsroom import Article
from tests.press.outlets import Format, Outlet, Robots, Validators
from tests.press.site import Fault

__all__ = [
    "START",
    "Article",
    "Fault",
    "Format",
    "Kind",
    "Outlet",
    "OutletState",
    "Press",
    "PressError",
    "Request",
    "Robots",
    "State",
    "Validators",
]
