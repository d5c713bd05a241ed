"""One of each of the nine kinds of dependents that keep IAM from deleting a user."""

import json
from collections.abc import Callable
from typing import Any

import trustme

from doubles import world

DOCUMENT = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)


def make_policy(name: str = "p") -> str:
    made = world.iam().create_policy(PolicyName=name, PolicyDocument=DOCUMENT)
    return str(made["Policy"]["Arn"])


def attach(name: str) -> None:
    world.iam().attach_user_policy(UserName=name, PolicyArn=make_policy())


def add_mfa_device(name: str) -> None:
    made = world.iam().create_virtual_mfa_device(VirtualMFADeviceName="m")
    world.iam().enable_mfa_device(
        UserName=name,
        SerialNumber=made["VirtualMFADevice"]["SerialNumber"],
        AuthenticationCode1="123456",
        AuthenticationCode2="654321",
    )


def add_to_group(name: str) -> None:
    world.iam().create_group(GroupName="g")
    world.iam().add_user_to_group(GroupName="g", UserName=name)


DEPENDENTS: dict[str, Callable[[str], Any]] = {
    "access key": lambda name: world.iam().create_access_key(UserName=name),
    "login profile": lambda name: world.iam().create_login_profile(UserName=name, Password="Pw-1"),
    "inline policy": lambda name: world.iam().put_user_policy(
        UserName=name, PolicyName="i", PolicyDocument=DOCUMENT
    ),
    "attached policy": attach,
    "group": add_to_group,
    "MFA device": add_mfa_device,
    "SSH public key": lambda name: world.iam().upload_ssh_public_key(
        UserName=name, SSHPublicKeyBody="ssh-rsa AAAA"
    ),
    "signing certificate": lambda name: world.iam().upload_signing_certificate(
        UserName=name, CertificateBody=trustme.CA().cert_pem.bytes().decode()
    ),
    "service-specific credential": lambda name: world.iam().create_service_specific_credential(
        UserName=name, ServiceName="codecommit.amazonaws.com"
    ),
}
