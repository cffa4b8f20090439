"""`lockmate demo`: a whole demo hotel on this machine, until Ctrl-C."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command("demo")
@click.option("--fresh", is_flag=True, help="Wipe what an earlier demo made in the data folder and start anew.")
@click.option("--data", type=click.Path(path_type=Path), default=None,
              help="Data folder (LOCKMATE_DATA; default: data).")
@click.pass_context
def command(ctx: click.Context, fresh: bool, data: Path | None) -> None:
    """Run a demo hotel: broker, pages, workers and doors with the real firmware, until Ctrl-C."""
    # `lockmate --help` loads this module: what only the demo needs is imported by the demo
    from tools.demo.run import Demo

    folder = data or Path(os.environ.get("LOCKMATE_DATA") or "data")
    ctx.exit(Demo(folder.resolve(), os.environ).run(fresh=fresh))
