"""The words a domain refuses with. Pure: no HTTP library, no JSON; the door turns them into RFC 9457 problems.

Refusal
├── Malformed        400  cannot be read at all
├── Unauthorized     401  who are you
├── PaymentRequired  402  the payment was declined
├── Forbidden        403  not yours to do
├── NotFound         404
├── NotAllowed       405  the resource has no such method
├── Late             408  the rest of the request did not come in time
├── Conflict         409  the state of things speaks against it
├── Stale            412  it has changed since you looked
├── TooLarge         413
├── Unsupported      415  another media type is wanted
├── Invalid          422  readable, but a field is wrong
└── Unavailable      503  an engine is away: try again
"""

from typing import Any, ClassVar


class Refusal(Exception):
    """A request that is answered with no, and why.

    `code` is kebab-case and stable (programs compare it), `detail` is for people, `field` is the JSON path of what is
    wrong, `valid` says what would be right; every other keyword is a figure, a member of its own in the answer.
    """

    status: ClassVar[int] = 400
    title: ClassVar[str] = "The request was refused"

    def __init__(self, code: str, detail: str, *, field: str | None = None, valid: Any = None, **figures: Any) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.field = field
        self.valid = valid
        self.figures = figures

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class Malformed(Refusal):
    """What was sent cannot be read."""

    status = 400
    title = "The request cannot be read"


class Unauthorized(Refusal):
    """Nobody, or somebody who cannot prove it."""

    status = 401
    title = "A valid token is needed"


class PaymentRequired(Refusal):
    """The payment was declined."""

    status = 402
    title = "The payment was declined"


class Forbidden(Refusal):
    """Known, but not allowed to do this."""

    status = 403
    title = "Not allowed"


class NotFound(Refusal):
    """No such thing, or none that the asker may know of."""

    status = 404
    title = "Not found"


class NotAllowed(Refusal):
    """The resource exists, but not this method on it."""

    status = 405
    title = "Method not allowed"


class Late(Refusal):
    """The sender stopped sending in the middle of the request."""

    status = 408
    title = "The request did not arrive in time"


class Conflict(Refusal):
    """The state of things speaks against it: sold out, closed, already done."""

    status = 409
    title = "Conflict with the current state"


class Stale(Refusal):
    """It has changed since the asker last looked."""

    status = 412
    title = "Changed in the meantime"


class TooLarge(Refusal):
    """More bytes than are taken."""

    status = 413
    title = "The request is too large"


class Unsupported(Refusal):
    """The body has another media type than the route takes."""

    status = 415
    title = "Unsupported media type"


class Invalid(Refusal):
    """Readable, but a field is wrong: `field`, the reason in `detail`, and what would be `valid`."""

    status = 422
    title = "A field is not valid"


class Unavailable(Refusal):
    """Something needed is away for the moment; the same request may succeed later."""

    status = 503
    title = "Temporarily unavailable"
