"""A server that takes orders."""

from __future__ import annotations

from streamlet_sdk import Outlet
from streamlet_sdk.ingress import HttpIngress

from orders.streamlets import Order


class Orders(HttpIngress):
    """Takes orders over HTTP."""

    out = Outlet(Order, key=lambda order: order.id)
