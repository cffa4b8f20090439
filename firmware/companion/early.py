"""Takes the largest buffers of the firmware (the comb tables) while the heap is whole: imported before all else."""

from companion.core import ed25519

ed25519.reserve()
