"""What a fresh process does before it imports the SDK."""

import gc

# The SDK and its models of services are some 100,000 objects that stay, and Python would look for
# garbage among them again and again. Now it does so after as many new ones of ours.
gc.set_threshold(200_000)

# Before boto3, which then takes the memory that compiling Powertools has freed.
import aws_lambda_powertools  # noqa: E402, F401
