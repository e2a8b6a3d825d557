"""The two families of provincial platforms (LGSP): WSO2's API Manager, and those that take ``lgspaccesstoken``."""

from __future__ import annotations

import json
import secrets
from base64 import b64decode
from typing import Any

from webob import Request, Response

from vneid_middleware.simulator.accounts import basic, same
from vneid_middleware.simulator.answers import ProtocolError, json_answer
from vneid_middleware.simulator.platforms import Platform, Refusal

API = "/vneid/1.0"
"""Of the API behind WSO2's gateway."""
HEADER_API = "/lgsp"
"""Of the family that takes ``lgspaccesstoken``."""
TOKEN = "/token"


class Wso2(Platform):
    """A token endpoint and an API that wants its tokens."""

    def token(self, request: Request) -> Response:
        """Give an access token for client credentials, with Basic authentication."""
        agency = self.state.agency
        self.fail_as_told("lgsp_token", _fault(900900, "Unclassified Authentication Failure", 500), _fault(*_NOT_REACHED))
        if not same(request.headers.get("Authorization", ""), basic(agency.client_id, agency.client_secret)):
            raise ProtocolError(401, "invalid_client", "A valid OAuth client could not be found for client_id")
        is_form = request.content_type == "application/x-www-form-urlencoded"
        if not is_form or request.POST.get("grant_type") != "client_credentials":
            raise ProtocolError(400, "unsupported_grant_type", "Unsupported grant_type value")
        lives = 2 if self.state.switches["lgsp_life"] == "seconds" else 3600
        token = secrets.token_urlsafe(24)
        self.state.lgsp_tokens[token] = self.state.clock() + lives
        return json_answer({"access_token": token, "scope": "default", "token_type": "Bearer", "expires_in": lives})

    def answer(self, request: Request, path: str) -> Response:
        """Answer a message to a path of the API."""
        fault = self.state.faults["lgsp"]
        if fault == "own-error-xml":
            return _xml_fault(900901, "Invalid Credentials")
        if fault == "throttled":
            return _fault(900802, "Message throttled out", 429)
        self.fail_as_told("lgsp", _fault(900908, "Resource forbidden", 403), _fault(*_NOT_REACHED))
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or not token:
            raise Refusal(_fault(900902, "Missing Credentials", 401))
        if not self._is_good(token):
            raise Refusal(_fault(900901, "Invalid Credentials", 401))
        no_such = _fault(404, "No matching resource found for given API Request", 404)
        return self.forward(request, path, self.state.agency.client_id, no_such)

    def _is_good(self, token: str) -> bool:
        # dies-early: it works once, whatever was said of its life
        tokens = self.state.lgsp_tokens
        known = tokens.pop(token, 0) if self.state.switches["lgsp_life"] == "dies-early" else tokens.get(token, 0)
        return bool(self.state.clock() < known)


class TokenHeader(Platform):
    """``lgspaccesstoken`` is base64 of JSON with all keys of the partner."""

    def answer(self, request: Request, path: str) -> Response:
        """Answer a message to the path of a service."""
        self.fail_as_told("lgsp", _error(403, "Partner is not allowed"), _error(503, "Service unavailable"))
        agency = self.state.agency
        expected = {"AccessKey": agency.access_key, "SecretKey": agency.secret_key, "AppName": agency.app_name,
                    "PartnerCode": agency.partner_code, "PartnerCodeCus": agency.partner_code_cus}
        if _decoded(request.headers.get("lgspaccesstoken", "")) != expected:
            raise Refusal(_error(401, "lgspaccesstoken is wrong"))
        return self.forward(request, path, agency.partner_code, _error(404, "No such service"))


_NOT_REACHED = (101503, "Error connecting to the back end", 503)


def _fault(code: int, message: str, status: int) -> Response:
    return json_answer({"fault": {"code": code, "message": message, "description": message}}, status)


def _xml_fault(code: int, message: str) -> Response:
    body = (f'<ams:fault xmlns:ams="http://wso2.org/apimanager/security"><ams:code>{code}</ams:code>'
            f"<ams:message>{message}</ams:message><ams:description>{message}</ams:description></ams:fault>")
    return Response(body.encode(), status=401, content_type="application/xml", charset="utf-8")


def _error(status: int, message: str) -> Response:
    return json_answer({"error_code": str(status), "message": message}, status)


def _decoded(text: str) -> Any:
    try:
        return json.loads(b64decode(text, validate=True))
    except ValueError:
        return None
