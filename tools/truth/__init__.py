"""A hotel under random hands: the real verbs, the real gate and beliefs of many doors, and what must always hold."""
