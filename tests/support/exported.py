"""Variables that people have exported for accounts of theirs, none of which may reach ours."""

from pathlib import Path

# Package managers keep what they have fetched; pip asks rustc for its version, which makes rustup
# write its settings where it is installed.
_NOT_OURS = {".cache", ".rustup", "Library"}


def hostile(home: Path) -> dict[str, str]:
    """A profile, endpoints, certificates and settings that lead elsewhere, and an empty home."""
    home.mkdir()
    elsewhere = "https://localhost:1"
    return {
        "AWS_ACCESS_KEY_ID": "AKIAOFANOTHERACCOUNT",
        "AWS_CA_BUNDLE": "/nonexistent/bundle.pem",
        "AWS_CONFIG_FILE": "/nonexistent/config",
        "AWS_DEFAULT_REGION": "eu-west-3",
        "AWS_ENDPOINT_URL": elsewhere,
        "AWS_ENDPOINT_URL_IAM": elsewhere,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": elsewhere,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_PROFILE": "of-another-account",
        "AWS_REGION": "eu-west-3",
        "AWS_SECRET_ACCESS_KEY": "of-another-account",
        "AWS_SESSION_TOKEN": "of-another-account",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
        "GATEWAY_PORT": "1",
        "HOME": str(home),
        "LAMBDA_EXECUTOR": "docker",
        "PERSIST_STATE": "1",
        "SAM_CLI_POLL_DELAY": "600",
        "SAM_CONFIG_FILE": "/nonexistent/samconfig.toml",
        "SAM_TEMPLATE_FILE": "/nonexistent/template.yaml",
    }


def written(home: Path) -> list[str]:
    """What has been put into that home, but for the caches of package managers."""
    return [path.name for path in home.iterdir() if path.name not in _NOT_OURS]
