"""A shelf of blobs in a bucket that speaks S3; imported only where one is set.

boto3 is not the kit's: a service whose image shall reach a bucket names it in its own pyproject.
"""

from __future__ import annotations

from typing import Any

from grace.kit.blobs import BlobMissing, BlobSettings, BlobsUnreachable
from grace.kit.settings import SettingsError

try:
    import boto3
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError as error:
    raise SettingsError("BLOB_STORE names S3, and boto3 is not in this image") from error

# One blob must not hold a thread for long; what fails is said, and its caller tries again.
_LIMITS = Config(
    connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 3}
)
_ABSENT = frozenset({"NoSuchKey", "404"})


class Bucket:
    """One bucket, or what begins with a prefix in it."""

    def __init__(self, client: Any, *, bucket: str, prefix: str) -> None:  # noqa: ANN401 - boto3 makes it
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    @classmethod
    def open(cls, settings: BlobSettings, *, bucket: str, prefix: str) -> Bucket:
        """The client of these settings; nothing is reached yet."""
        core = botocore.session.Session()
        if settings.blob_credentials_file is not None:
            core.set_config_variable("credentials_file", str(settings.blob_credentials_file))
        client = boto3.Session(botocore_session=core, region_name=settings.blob_region).client(
            "s3", endpoint_url=settings.blob_endpoint or None, config=_LIMITS
        )
        return cls(client, bucket=bucket, prefix=prefix)

    def write(self, name: str, data: bytes) -> None:
        """Put the object: S3 shows it whole or not at all."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._key(name), Body=data)
        except (ClientError, BotoCoreError) as error:
            raise BlobsUnreachable(f"s3://{self._bucket} took no blob: {error}") from error

    def read(self, name: str, most: int) -> bytes:
        """Get the object, at most so many bytes of it."""
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=self._key(name))
            data: bytes = found["Body"].read(most)
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                raise BlobMissing(f"s3://{self._bucket} has no blob {name}") from error
            raise BlobsUnreachable(f"s3://{self._bucket} gave no blob: {error}") from error
        except BotoCoreError as error:
            raise BlobsUnreachable(f"s3://{self._bucket} gave no blob: {error}") from error
        return data

    def forget(self, before: float, most: int) -> int:  # noqa: ARG002 - as a Shelf
        """Leave it to the bucket's lifecycle rules: S3 cannot remove an object only if it is still old."""
        return 0

    def remove(self, name: str) -> None:
        """Remove the object; S3 says the same where there is none."""
        try:
            self._client.delete_object(Bucket=self._bucket, Key=self._key(name))
        except (ClientError, BotoCoreError) as error:
            raise BlobsUnreachable(f"s3://{self._bucket} cannot be tidied: {error}") from error

    def _key(self, name: str) -> str:
        return "/".join(part for part in (self._prefix, name[:2], name) if part)
