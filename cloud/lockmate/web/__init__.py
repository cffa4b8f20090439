"""The edge where people come in: the front desk's pages and the guests'."""

from __future__ import annotations
