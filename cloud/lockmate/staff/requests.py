"""Verbs done once: a request sent twice, by a browser or another system, has one effect and the same answer.

The key comes with the actor (`Actor.request`); the first call's outcome is written in the verb's own transaction, so
that either both are there or neither. A call that was refused leaves nothing, and may be tried again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import peewee

from lockmate import clock
from lockmate.db import BaseModel, transaction
from lockmate.staff.actor import Actor
from lockmate.staff.errors import RequestReused
from lockmate.staff.models import Request

KEPT_MS = 7 * 86_400_000
_P = ParamSpec("_P")
_R = TypeVar("_R")


def once(verb: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Marks a domain verb (it takes `by`, and returns rows, lists of rows, numbers or None) as done once a request key.

    The verbs that it calls run without the key. Raises RequestReused if the key came with other arguments before.
    """

    def mark(do: Callable[_P, _R]) -> Callable[_P, _R]:
        @wraps(do)
        def done_once(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            by = kwargs.get("by")
            if not isinstance(by, Actor) or not by.request:
                return do(*args, **kwargs)
            loose: dict[str, Any] = {**kwargs, "by": replace(by, request="")}
            print_ = _print(verb, args, {name: value for name, value in kwargs.items() if name != "by"})
            try:
                with transaction():
                    found = _answered(by, verb, print_)
                    if found is not None:
                        return cast("_R", _read(json.loads(found.result)))
                    row = Request.create(
                        property=by.property, key=by.request, verb=verb, print=print_, at=clock.now_ms()
                    )
                    result = do(*args, **loose)
                    Request.update(result=json.dumps(_written(result))).where(Request.id == row.id).execute()
                    return result
            except peewee.IntegrityError:  # the same request, at the same time, was first
                found = _answered(by, verb, print_)
                if found is None:
                    raise
                return cast("_R", _read(json.loads(found.result)))

        return done_once

    return mark


def forget(now_ms: int) -> int:
    """Let go of the answers to requests of a week ago; how many."""
    with transaction():
        gone: int = Request.delete().where(Request.at < now_ms - KEPT_MS).execute()
    return gone


def _answered(by: Actor, verb: str, print_: str) -> Request | None:
    """The row of this request, if it was made before; raises RequestReused if it asked for something else."""
    found: Request | None = Request.get_or_none(Request.property == by.property, Request.key == by.request)
    if found is not None and (found.verb, found.print) != (verb, print_):
        raise RequestReused(verb=found.verb)
    return found


def _print(verb: str, args: tuple[object, ...], kwargs: dict[str, Any]) -> str:
    """What was asked for, as a digest: rows by their ids, so that a row that changed meanwhile is the same."""
    told = json.dumps([verb, [_plain(one) for one in args], {name: _plain(kwargs[name]) for name in sorted(kwargs)}])
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {"row": type(value).__name__, "id": value.id}
    if isinstance(value, bytes):
        return {"bytes": hashlib.sha256(value).hexdigest()}
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def _written(result: Any) -> Any:
    if isinstance(result, BaseModel):
        return {"row": type(result).__name__, "id": result.id}
    if isinstance(result, (list, tuple)):
        return [_written(one) for one in result]
    if result is None or isinstance(result, (bool, int, str)):
        return result
    raise TypeError(f"a verb done once can't answer {type(result).__name__}")


def _read(told: Any) -> Any:
    if isinstance(told, list):
        return [_read(one) for one in told]
    if isinstance(told, dict):
        models = {model.__name__: model for model in BaseModel.__subclasses__()}
        return models[told["row"]].get_by_id(told["id"])
    return told
