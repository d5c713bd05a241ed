"""What a fresh process does before it imports the SDK."""

import gc

# First, while Python still looks for garbage often: what compiling them leaves is freed, and the
# SDK takes that memory. Its regular expressions leave cycles, which only a collection frees.
import aws_lambda_powertools  # noqa: F401
import urllib3  # noqa: F401

# The SDK and its models of services are some 100,000 objects that stay, and Python would look for
# garbage among them again and again. Now it does so after as many new ones of ours.
gc.set_threshold(200_000)
