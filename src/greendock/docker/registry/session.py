"""Asks one registry about one repository: logs in, follows redirects, limits what it reads.

Credentials go to the registry itself and to its token server, over TLS or within this machine,
and nowhere else. Knows nothing of what is in the answers. Called by the registry client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urljoin, urlsplit

from greendock.base.clock import Clock
from greendock.base.errors import Retry
from greendock.docker.engine.model import RegistryAuth
from greendock.docker.errors import PullFailed
from greendock.docker.reference import ImageReference
from greendock.docker.registry.answers import (
    MANIFEST,
    TOKEN,
    Refusal,
    Subject,
    login_wanted,
    login_withheld,
    refused,
    unreachable,
    unreadable,
)
from greendock.docker.registry.challenge import Challenge, read_challenges
from greendock.docker.registry.endpoints import Endpoint, may_carry_login, origin_of
from greendock.docker.registry.logins import (
    Ticket,
    TicketKey,
    Tickets,
    basic_header,
    basic_ticket,
    read_token,
    refresh_form,
    secrets_of,
    token_url,
)
from greendock.net.errors import NetworkError
from greendock.net.http import HttpClient, Request, Trust

_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REFUSAL_BYTES = 64 * 1024
_MOST_TOKEN_BYTES = 1024 * 1024
_DEADLINE_S = 120.0


@dataclass(frozen=True, slots=True)
class SessionTools:
    """What all sessions share. `stall_s`: the longest wait for the next byte."""

    http: HttpClient
    clock: Clock
    tickets: Tickets
    stall_s: float


@dataclass(frozen=True, slots=True)
class Found:
    """A whole answer, success or not. `url`: who gave it, after redirects."""

    status: int
    headers: Mapping[str, str]
    challenges: tuple[Challenge, ...]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class Question:
    """One GET. `path` follows `/v2/NAME/`; `wanted`: the tag or digest, for texts."""

    step: str
    path: str
    wanted: str
    headers: Mapping[str, str]
    most_bytes: int


class RegistrySession:
    """One repository at one endpoint with one login."""

    def __init__(
        self,
        tools: SessionTools,
        endpoint: Endpoint,
        trust: Trust,
        reference: ImageReference,
        auth: RegistryAuth | None,
    ) -> None:
        self._tools = tools
        self._endpoint = endpoint
        self._trust = trust
        self._reference = reference
        may_know = endpoint.is_own and may_carry_login(endpoint.url)
        self._auth = auth if may_know else None
        self._is_withheld = endpoint.is_own and auth is not self._auth
        self._key = TicketKey(endpoint.url, reference.repository, self._auth)

    async def get(self, question: Question, *, good: frozenset[int] = frozenset({200})) -> Found:
        """The answer, whose status is one of `good`. Raises a DockerError."""
        subject = self.subject(question)
        ticket = self._tools.tickets.find(self._key, self._tools.clock.monotonic())
        found = await self._ask(question, subject, ticket.header if ticket else None, good)
        if found.status == 401 and origin_of(found.url) == origin_of(self._endpoint.url):
            self._tools.tickets.drop(self._key)
            header = await self._let_in(question, subject, found)
            found = await self._ask(question, subject, header, good)
        if found.status not in good:
            if found.status == 401:
                self._tools.tickets.drop(self._key)
                if self._is_withheld:
                    raise login_withheld(subject, self._endpoint.url)
            raise self._refused(subject, found)
        return found

    def subject(self, question: Question) -> Subject:
        """What errors about `question` say."""
        return Subject(
            self._reference,
            question.step,
            self._endpoint.host,
            question.wanted,
            is_logged_in=self._auth is not None,
            secrets=secrets_of(self._auth) if self._auth else (),
        )

    async def _ask(
        self, question: Question, subject: Subject, header: str | None, good: frozenset[int]
    ) -> Found:
        url = f"{self._endpoint.url}/v2/{self._reference.repository}/{question.path}"
        for _ in range(_MOST_REDIRECTS + 1):
            headers = {"Accept-Encoding": "identity", **question.headers}
            if header is not None:
                headers["Authorization"] = header
            request = self._request(url, headers, self._trust)
            found = await self._read(request, subject, question.most_bytes, good)
            if found.status not in _REDIRECTS or "location" not in found.headers:
                return found
            target = _redirected(url, found.headers["location"], subject)
            if origin_of(target) != origin_of(url):
                header = None
            url = target
        raise unreadable(subject, f"more than {_MOST_REDIRECTS} redirects")

    async def _read(
        self, request: Request, subject: Subject, most_bytes: int, good: frozenset[int]
    ) -> Found:
        try:
            async with self._tools.http.open(request) as response:
                is_good = response.status in good
                limit = most_bytes if is_good else _MOST_REFUSAL_BYTES
                body = await response.read(limit + 1)
                challenges = read_challenges(response.all_values("www-authenticate"))
        except NetworkError as error:
            raise unreachable(subject, error) from error
        if is_good and len(body) > limit:
            raise unreadable(subject, f"it is larger than {limit} bytes", Retry.NEVER)
        return Found(response.status, response.headers, challenges, body, request.url)

    def _request(self, url: str, headers: Mapping[str, str], trust: Trust) -> Request:
        stall_s = self._tools.stall_s
        return Request(
            "GET", url, headers, trust=trust, stall_s=stall_s, timeout_s=max(_DEADLINE_S, stall_s)
        )

    async def _let_in(self, question: Question, subject: Subject, found: Found) -> str:
        """The header that the registry asks for. Raises a DockerError."""
        offers = {challenge.scheme: challenge for challenge in reversed(found.challenges)}
        now = self._tools.clock.monotonic()
        if "bearer" in offers and offers["bearer"].parameters.get("realm"):
            ticket = await self._fetch_token(question, offers["bearer"])
        elif "basic" in offers:
            if self._is_withheld:
                raise login_withheld(subject, self._endpoint.url)
            if self._auth is None:
                raise login_wanted(subject)
            ticket = basic_ticket(self._auth, now)
        else:
            raise self._refused(subject, found)
        self._tools.tickets.keep(self._key, ticket, now)
        return ticket.header

    async def _fetch_token(self, question: Question, challenge: Challenge) -> Ticket:
        subject = replace(self.subject(question), step=TOKEN)
        realm = challenge.parameters["realm"]
        service = challenge.parameters.get("service", "")
        try:
            url = token_url(realm, service, self._reference.repository)
        except ValueError as error:
            raise unreadable(subject, str(error)) from error
        subject = replace(subject, host=urlsplit(url).netloc)
        if self._auth is not None and not self._may_show_login(url):
            place = url.partition("?")[0]
            raise login_withheld(replace(subject, host=self._endpoint.host), place)
        asked_at = self._tools.clock.monotonic()
        good = frozenset({200})
        request = self._token_request(url, service)
        found = await self._read(request, subject, _MOST_TOKEN_BYTES, good)
        if found.status == 401 and self._is_withheld:
            raise login_withheld(subject, self._endpoint.url)
        if found.status not in good:
            raise self._refused(subject, found)
        try:
            return read_token(found.body, asked_at)
        except ValueError as error:
            raise unreadable(subject, str(error)) from error

    def _token_request(self, url: str, service: str) -> Request:
        headers = {"Accept-Encoding": "identity"}
        trust = self._realm_trust(url)
        if self._auth is not None and self._auth.identity_token:
            token = self._auth.identity_token
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = refresh_form(service, self._reference.repository, token)
            plain = self._request(url.partition("?")[0], headers, trust)
            return replace(plain, method="POST", body=body)
        if self._auth is not None:
            headers["Authorization"] = basic_header(self._auth)
        return self._request(url, headers, trust)

    def _may_show_login(self, url: str) -> bool:
        """A registry elsewhere may not point at this machine's own plain servers."""
        if urlsplit(url).scheme == "https":
            return True
        return may_carry_login(url) and origin_of(url)[1] == origin_of(self._endpoint.url)[1]

    def _realm_trust(self, url: str) -> Trust:
        """Unverified only where the registry itself is: the same host."""
        if origin_of(url)[1] == origin_of(self._endpoint.url)[1]:
            return self._trust
        return replace(self._trust, verify=True)

    def _refused(self, subject: Subject, found: Found) -> PullFailed:
        out_of_scope = any(
            challenge.parameters.get("error") == "insufficient_scope"
            for challenge in found.challenges
        )
        refusal = Refusal(found.status, found.headers, found.body, out_of_scope)
        who = replace(subject, host=urlsplit(found.url).netloc)  # not always who was asked first
        return refused(who, refusal, self._tools.clock.now())


def _redirected(url: str, location: str, subject: Subject) -> str:
    """Where to go on. A manifest by its tag has nothing but TLS to vouch for it."""
    try:
        target = urljoin(url, location)
        scheme, host, _ = origin_of(target)
    except ValueError:
        scheme, host, target = "", "", ""
    if scheme not in ("http", "https") or not host:
        raise unreadable(subject, "a redirect to what is no address")
    if subject.step == MANIFEST and url.startswith("https:") and scheme != "https":
        raise unreadable(subject, "a redirect from HTTPS to plain HTTP")
    return target
