"""An AWS that is as unkind as the real one, and who calls the functions in it.

The functions read their environment when they are imported, so importing any double sets it, and
first takes away all that the person who runs the tests has exported for another AWS.
"""

import os

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ.update(
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_EC2_METADATA_DISABLED="true",
    AWS_REGION="us-east-1",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    PERMISSIONS_BOUNDARY_ARN="arn:aws:iam::123456789012:policy/boundary",
    SCHEDULE_GROUP="restricted-iam-user",
    SCHEDULE_ROLE_ARN="arn:aws:iam::123456789012:role/scheduler",
    ROTATION_FUNCTION_ARN="arn:aws:lambda:us-east-1:123456789012:function:rotation",
    PROVIDER_FUNCTION_ARN="arn:aws:lambda:us-east-1:123456789012:function:provider",
    STATE_TABLE="state",
)
