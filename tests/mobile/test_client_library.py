"""An OAuth library that apps really use takes what the endpoints give: PKCE, callbacks, token answers, refusals, challenges.

Its own token request is a form (RFC 6749), and ours is JSON, so that this one request is made without it.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from .conftest import LINK

PROVIDERS = Path(__file__).parents[1] / "providers"


def test_oauth4webapi_signs_an_app_in_and_out(mobile, require):
    node = require("node", "nodejs")
    if not (PROVIDERS / "node_modules" / "oauth4webapi").is_dir():
        pytest.skip("oauth4webapi is missing: npm ci --prefix tests/providers")
    done = subprocess.run([node, "app.mjs", mobile.portal, LINK], cwd=PROVIDERS, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert 28_700 < told.pop("expires_in") <= 28_800
    assert told == {
        "token_type": "bearer", "name": "Nguyễn Thị Ánh Nguyệt", "session": "Nguyễn Thị Ánh Nguyệt",
        "revoke": 204, "challenge": ["WWWAuthenticateChallengeError", "bearer", "invalid_token"],
        "twice": ["ResponseBodyError", "invalid_grant", 400], "denied": ["AuthorizationResponseError", "access_denied"]}
