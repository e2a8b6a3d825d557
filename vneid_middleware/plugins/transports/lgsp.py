"""Through the two families of provincial platforms (LGSP): WSO2's API Manager, and those that take ``lgspaccesstoken``."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from zope.interface import implementer

from vneid_middleware.core.client_credentials import AccessToken, parse_answer, token_request
from vneid_middleware.core.jose import loads_object
from vneid_middleware.core.oidc import error_code
from vneid_middleware.exceptions import UpstreamError, VNeIDError
from vneid_middleware.interfaces import ISettingsCheck, ITransportFactory
from vneid_middleware.kept import Deadline
from vneid_middleware.models import TransportRequest
from vneid_middleware.outbound import Response
from vneid_middleware.plugins.transports.access_tokens import AccessTokens
from vneid_middleware.plugins.transports.http import HttpTransport, json_object
from vneid_middleware.plugins.transports.settings import Described
from vneid_middleware.settings import Problem

MAX_TOKEN_ANSWER = 65_536
_TOKEN_REFUSED = ("900901", "900902", "900903", "900904")
"""WSO2: invalid or missing credentials, token expired, token inactive. The gateway did not pass the message on."""
_FAULT_CODE = re.compile(r"[0-9]{3,6}")
# by a pattern, since an XML parser would do whatever the text asks of it
_XML_FAULT = re.compile(rb"<(?:\w+:)?fault\b[^>]{0,200}>\s*<(?:\w+:)?code>\s*([0-9]{3,6})\s*<", re.IGNORECASE)


class Wso2Transport(HttpTransport):
    """POSTs with an access token that is fetched by client credentials."""

    def __init__(self, name: str, services: Any) -> None:
        super().__init__(name, services)
        self._tokens = AccessTokens(self._fetch_token, services.clock)

    async def exchange(self, request: TransportRequest, limit: float) -> Response:
        """Return the service's answer; a token that the gateway refuses is renewed, once."""
        deadline = Deadline(limit)
        token = await self._tokens.get(deadline)
        try:
            return await self._post_with(token, request, deadline)
        except UpstreamError as error:
            if error.evidence.get("status") != 401 or error.evidence.get("platform_code") not in _TOKEN_REFUSED:
                raise
        token = await self._tokens.newer_than(token, deadline)
        return await self._post_with(token, request, deadline)

    async def check_online(self) -> str:
        """Also get a token."""
        await self._tokens.get(Deadline(self.timeout))
        return await super().check_online()

    def check_platform(self, answer: Response, sent: Mapping[str, str]) -> None:
        """Tell the gateway's faults, JSON or XML, and pages of a server before it, from errors of the service."""
        if answer.status < 400:
            return
        found = json_object(answer)
        if found is None:
            fault = _XML_FAULT.search(answer.body[:4_096])
            self.refused(answer, fault[1].decode() if fault else "")
        code = _fault_code(found)
        if code:
            self.refused(answer, code)

    async def _post_with(self, token: str, request: TransportRequest, deadline: Deadline) -> Response:
        return await self.post(request, deadline.left(), {"Authorization": f"Bearer {token}"})

    async def _fetch_token(self) -> AccessToken:
        headers, body = token_request(self.settings.get("client_id"), self.settings.get("client_secret"))
        url: str = self.settings.get("token_url")
        answer = await self.channel.send("POST", url, headers=headers, body=body, timeout=self.timeout,
                                         max_body=MAX_TOKEN_ANSWER)
        host = urlsplit(url).hostname
        if answer.status != 200:
            raise UpstreamError("platform", f"transport.{self.name}: the token endpoint at {host} answered {answer.status}",
                                status=answer.status, platform_code=error_code(answer.body))
        if not answer.is_json:
            raise UpstreamError("malformed", f"transport.{self.name}: the token endpoint at {host} did not answer with JSON")
        try:
            return parse_answer(loads_object(answer.body))
        except VNeIDError as error:
            raise UpstreamError("malformed", f"transport.{self.name}: the token endpoint at {host}: {error}") from None


def _fault_code(found: Mapping[str, Any]) -> str:
    """Return the code of ``{"fault": {"code": …}}``, or of a later release's ``{"code": …, "message": …, "description": …}``."""
    fault = found.get("fault")
    if fault is None and found.keys() >= {"code", "message", "description"}:
        fault = found
    code = str(fault.get("code", "")) if isinstance(fault, Mapping) else ""
    return code if _FAULT_CODE.fullmatch(code) else ""


@implementer(ITransportFactory, ISettingsCheck)
class LgspWso2:
    """Makes transports of the kind ``lgsp-wso2``."""

    required = ("url", "token_url", "client_id", "client_secret")
    optional = ()

    def __call__(self, name: str, services: Any) -> Wso2Transport:
        return Wso2Transport(name, services)

    def problems(self, transport: Described) -> Iterator[Problem]:
        """Refuse a second way to sign in."""
        if transport.get("auth", "none") != "none":
            yield transport.problem("auth", f"has no place with {transport.key('kind')} = lgsp-wso2, which signs in by its token",
                                    "Remove the line.")


class TokenHeaderTransport(HttpTransport):
    """POSTs with the header ``lgspaccesstoken``: base64 of a JSON object that holds our keys."""

    def platform_headers(self, request: TransportRequest) -> dict[str, str]:
        """Return the header, the members in the order that the platforms' papers give."""
        names = {"AccessKey": "access_key", "SecretKey": "secret_key", "AppName": "app_name", "PartnerCode": "partner_code",
                 "PartnerCodeCus": "partner_code_cus"}
        told = {name: self.settings.get(key) for name, key in names.items()}
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        return {"lgspaccesstoken": b64encode(text.encode()).decode("ascii")}

    def check_platform(self, answer: Response, sent: Mapping[str, str]) -> None:
        """Take an error that is no JSON object for the platform's: a service answers with one."""
        if answer.status >= 400 and json_object(answer) is None:
            self.refused(answer, "")


@implementer(ITransportFactory)
class LgspToken:
    """Makes transports of the kind ``lgsp-token``."""

    required = ("url", "access_key", "secret_key", "app_name", "partner_code", "partner_code_cus")
    optional = ()

    def __call__(self, name: str, services: Any) -> TokenHeaderTransport:
        return TokenHeaderTransport(name, services)
