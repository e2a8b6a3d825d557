"""Canaille, an OpenID provider from PyPI, for the tests: one person, one portal, in memory.

Run by the Python of Canaille's own environment: ``python canaille_server.py PORTAL_URL``. It prints its issuer.
"""

from __future__ import annotations

import datetime
import socket
import sys
import threading

from canaille import create_app
from joserfc.jwk import RSAKey
from waitress import create_server


def main(portal: str) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        port = listening.getsockname()[1]
        key = RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)
        app = create_app({
            "SECRET_KEY": "only-for-tests", "SERVER_NAME": f"127.0.0.1:{port}", "PREFERRED_URL_SCHEME": "http", "TESTING": True,
            "CANAILLE": {"DATABASE": "memory", "SMTP": None, "LANGUAGE": "en", "LOGGING": {"version": 1}},
            "CANAILLE_OIDC": {"ACTIVE_JWKS": [key.as_dict(private=True)], "TRUSTED_DOMAINS": ["127.0.0.1"]},
        })
        with app.app_context():
            fill(app, portal)
        server = create_server(app, sockets=[listening], threads=4)
        threading.Thread(target=server.run, daemon=True).start()
        print(f"http://127.0.0.1:{port}", flush=True)
        sys.stdin.read()


def fill(app, portal: str) -> None:
    from canaille.app import models

    with app.backend.session():
        app.backend.save(models.User(formatted_name="Nguyễn Thị Ánh Nguyệt", given_name="Nguyệt", family_name="Nguyễn",
                                     user_name="nguyet", emails=["nguyet@example.vn"], password="an-honest-password"))
        client = models.Client(
            client_id="portal", client_secret="a-secret-for-tests", client_name="Portal", client_uri=portal,
            redirect_uris=[portal + "/vneid/callback"], post_logout_redirect_uris=[portal + "/vneid/logged-out"],
            client_id_issued_at=datetime.datetime.now(datetime.timezone.utc), grant_types=["authorization_code"],
            response_types=["code"], scope=["openid", "profile"], token_endpoint_auth_method="client_secret_basic")
        app.backend.save(client)
        client.audience = [client]
        app.backend.save(client)


if __name__ == "__main__":
    main(sys.argv[1])
