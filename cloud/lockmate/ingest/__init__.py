"""Events come in from the doors: a batch, one commit, then the acknowledgements."""
