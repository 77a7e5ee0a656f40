"""Whose trouble it is when a bucket does not give what is asked of it, and what to do.

Said in words of our own: what servers and libraries write of an error may name keys, endpoints and requests.
"""

from __future__ import annotations

from functools import cache

from archivecolor.errors import ArchivecolorError, ItemError, Reason, UnavailableError, UsageError
from archivecolor.settings import BucketPath

# What servers answer, by S3's codes, and by those of HTTP where there is none. Credentials that are refused
# will give no other object either.
_REFUSED = (
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId", "UnrecognizedClientException"),
    *("ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"),
    *("RequestTimeTooSkewed", "AccountProblem", "401"),
)
_NO_ACCESS = ("AccessDenied", "AllAccessDisabled", "Forbidden", "403")
_OTHER_REGION = (
    *("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"),
)
# What botocore raises before it asks anybody.
_NO_CREDENTIALS = (
    *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError"),
    *("ProfileNotFound", "ConfigNotFound", "ConfigParseError", "LoginError"),
    *("SSOError", "SSOTokenLoadError", "UnauthorizedSSOTokenError"),
)
_SET_CREDENTIALS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, as for other programs"


@cache
def bucket_errors() -> tuple[type[Exception], ...]:
    """What botocore raises; it is loaded when it is first asked for something."""
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError


def error_code(error: Exception) -> str:
    """What the server answered, as S3 names it; empty where it did not answer."""
    answer = getattr(error, "response", None)
    return str(answer.get("Error", {}).get("Code", "")) if isinstance(answer, dict) else ""


def run_error(error: Exception, address: BucketPath) -> ArchivecolorError:
    """What ends a run: a bucket that cannot be listed, or will give no object at all."""
    code = error_code(error)
    word = code or type(error).__name__
    if type(error).__name__ == "ParamValidationError" or code == "InvalidBucketName":
        return UsageError(f"{address}: {address.bucket} is no name that a bucket can have")
    if _is_of_credentials(error):
        trouble = f"there are no credentials ({word}); {_SET_CREDENTIALS}"
    elif code in _REFUSED:
        trouble = f"the server refuses the credentials ({word}); {_SET_CREDENTIALS}"
    elif code in _NO_ACCESS:
        trouble = (
            f"these credentials may not list it ({word}); they need s3:ListBucket and s3:GetObject for it"
        )
    elif code == "NoSuchBucket":
        trouble = (
            f"the server has no bucket {address.bucket}; see whether it is spelled so, and whether "
            "AWS_ENDPOINT_URL is the right server's"
        )
    elif code in _OTHER_REGION:
        trouble = f"the bucket is in another region ({word}); set AWS_REGION to that"
    else:
        trouble = (
            f"the server does not answer as it should, after several tries ({word}); see that it is up and "
            "that AWS_ENDPOINT_URL is its address; what is finished is safe, and the same command goes on"
        )
    return UnavailableError(f"{address}: {trouble}")


def item_error(error: Exception, address: BucketPath) -> ArchivecolorError:
    """What one object cost: itself, or the run where no other would be had."""
    code = error_code(error)
    if code in _REFUSED or code == "NoSuchBucket" or _is_of_credentials(error):
        return run_error(error, address)
    word = code or type(error).__name__
    if code in ("PreconditionFailed", "412"):
        return ItemError(Reason.CHANGED, "the object is not as it was when it was listed")
    if code in ("NoSuchKey", "404"):
        return ItemError(Reason.VANISHED, "the object is gone")
    if code in _NO_ACCESS:
        return ItemError(Reason.PERMISSION, f"the object may not be read with these credentials ({word})")
    if code == "InvalidObjectState":
        return ItemError(
            Reason.UNREADABLE, "the object lies in an archive tier, which gives none at once; restore it"
        )
    return ItemError(Reason.READ_ERROR, f"the server does not give the object, after several tries ({word})")


def _is_of_credentials(error: Exception) -> bool:
    return any(cls.__name__ in _NO_CREDENTIALS for cls in type(error).__mro__)
