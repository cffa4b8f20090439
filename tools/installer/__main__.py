"""`python -m tools.installer`: the same as `lockmate-installer`."""

from tools.installer.cli import main

main(prog_name="lockmate-installer")
