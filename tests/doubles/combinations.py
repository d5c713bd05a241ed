"""How many combinations the fault matrix ran, over all workers of the test run."""

from collections import Counter

COMBINATIONS: Counter[str] = Counter()
