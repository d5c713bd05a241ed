"""`make bench`: the figures of docs/performance.md, each from a measurement in this run."""
