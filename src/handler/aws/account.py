"""The customer's AWS account, as one request sees it."""

from dataclasses import dataclass

from handler.aws.clients import Clients
from handler.aws.iam.access_keys import AccessKeys
from handler.aws.iam.attachments import Attachments
from handler.aws.iam.dependents import UserDependents
from handler.aws.iam.policies import ManagedPolicies
from handler.aws.iam.user import IamUser
from handler.aws.schedules import Schedules
from handler.aws.secretsmanager.readers import SecretReaders
from handler.aws.secretsmanager.replicas import SecretReplicas
from handler.aws.secretsmanager.rotation import SecretRotation
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.deadline import Deadline
from handler.settings import Settings


@dataclass(frozen=True)
class Account:
    """Hands out users, policies, keys, secrets and schedules, by name.

    It knows the clients, the operator's settings and the time that is left for the request.
    """

    clients: Clients
    settings: Settings
    deadline: Deadline

    def user(self, user_name: str) -> IamUser:
        """The IAM user of that name, on the provider's path."""
        return IamUser(self.clients.iam, user_name, self.settings.iam_path, self.deadline)

    def access_keys(self, user_name: str) -> AccessKeys:
        """The access keys of a user."""
        return AccessKeys(self.clients.iam, user_name, self.deadline)

    def attachments(self, user_name: str) -> Attachments:
        """The managed policies that a user has."""
        return Attachments(self.clients.iam, user_name)

    def dependents(self, user_name: str) -> UserDependents:
        """What IAM wants gone before it deletes a user."""
        keys, attachments = self.access_keys(user_name), self.attachments(user_name)
        return UserDependents(self.clients.iam, keys, attachments, user_name)

    @property
    def policies(self) -> ManagedPolicies:
        """The managed policies under the provider's path."""
        settings = self.settings
        return ManagedPolicies(self.clients.iam, settings.location, settings.iam_path)

    @property
    def schedules(self) -> Schedules:
        """The schedules that end the grace of replaced keys."""
        return Schedules(self.clients.scheduler, self.settings)

    def secret(self, name: str) -> CredentialSecret:
        """The secret of that name or ARN."""
        return CredentialSecret(self.clients.secretsmanager, name, self.deadline)

    def readers(self, secret_name: str) -> SecretReaders:
        """The resource policy of a secret."""
        account_id = self.settings.location.account_id
        return SecretReaders(self.clients.secretsmanager, secret_name, account_id, self.deadline)

    def replicas(self, secret_name: str) -> SecretReplicas:
        """The copies of a secret in other regions."""
        return SecretReplicas(self.clients.secretsmanager, secret_name, self.deadline)

    def rotation(self, secret_name: str) -> SecretRotation:
        """The schedule by which Secrets Manager rotates a secret."""
        secret = self.secret(secret_name)
        return SecretRotation(self.clients.secretsmanager, secret, self.deadline)
