"""Measures of the project, in the form of docs/measures.md: ratios taken pair by pair in one run, medians of them."""
