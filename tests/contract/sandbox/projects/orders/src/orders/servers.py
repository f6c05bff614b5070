"""A server that takes orders."""

from __future__ import annotations

from orders.streamlets import Order
from streamlet_sdk import Outlet
from streamlet_sdk.ingress import HttpIngress


class Orders(HttpIngress):
    """Takes orders over HTTP."""

    out = Outlet(Order, key=lambda order: order.id)
