"""Who sends a request, and what that one may do. How it is found out is authentication's matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from starlette.requests import HTTPConnection
from starlette.types import Scope

from aion.errors import Forbidden, NotSignedIn

Role = Literal["chat", "ingest", "admin", "metrics"]
ROLES: tuple[Role, ...] = ("chat", "ingest", "admin", "metrics")
ALL_TENANTS = "*"

SIGN_IN = (
    "This needs a key; send it as `Authorization: Bearer KEY` (who runs this AION makes one with "
    "`aion keys add NAME`)."
)
_SCOPE_KEY = "aion.identity"
ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Identity:
    """A key's holder, the operator at this machine, or a stranger. `key_id` is "" without a key;
    `is_limited` says whether rates and numbers of streams count."""

    name: str
    roles: frozenset[Role]
    tenants: frozenset[str]
    key_id: str = ""
    is_limited: bool = True

    @property
    def asker(self) -> str:
        """Who asked, as the log has it: "" for the operator at this machine."""
        return self.key_id or (ANONYMOUS if self.is_limited else "")

    def may(self, role: Role) -> bool:
        """An admin may do everything."""
        return role in self.roles or "admin" in self.roles

    def may_use(self, tenant: str) -> bool:
        return tenant in self.tenants or ALL_TENANTS in self.tenants

    def require(self, role: Role, what: str, param: str | None = None) -> None:
        """Raises Forbidden, which names `what` was wanted; NotSignedIn for nobody."""
        if self is NOBODY:
            raise NotSignedIn(SIGN_IN)
        if not self.may(role):
            raise Forbidden(
                f"The role {role} is needed to {what}, and {self.name!r} does not have it; "
                f"make a key that has it with `aion keys add NAME --role {role}`.",
                param=param,
            )


LOCAL_OPERATOR = Identity(
    "the operator at this machine", frozenset({"admin"}), frozenset({ALL_TENANTS}), is_limited=False
)

NOBODY = Identity("nobody", frozenset(), frozenset())


def anonymous(tenant: str) -> Identity:
    """Anyone at all, where the operator lets anyone ask: about the documents of that tenant."""
    return Identity(ANONYMOUS, frozenset({"chat"}), frozenset({tenant}))


def set_identity(scope: Scope, identity: Identity) -> None:
    scope[_SCOPE_KEY] = identity


def identity_of(request: HTTPConnection) -> Identity:
    """The identity that authentication found. Raises KeyError when none ran: nobody is let in by mistake."""
    identity: Identity = request.scope[_SCOPE_KEY]
    return identity


def known_identity(request: HTTPConnection) -> Identity | None:
    """None where authentication did not come to an end."""
    return request.scope.get(_SCOPE_KEY)
