"""Commands of `lockmate`, by what they are about; `lockmate.cli` puts them together."""
