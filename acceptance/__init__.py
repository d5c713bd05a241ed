"""`make acceptance`: the journey of the demo in a person's own account, and what AWS does there.

docs/acceptance.md says how to use it and what it makes.
"""
