"""What an app on a phone does to sign in at the portal, step by step, on a computer and with nothing but Python.

    python examples/mobile/app.py                  by web VNeID
    python examples/mobile/app.py app              by the VNeID app and the guide's deep link
    python examples/mobile/app.py --person duc     as somebody else
    python examples/mobile/app.py --by-hand        you are the person: open the address, paste the one it ends at

Without ``--by-hand`` the script also plays the person, which only the simulator allows. ``docs/mobile.md`` explains each step.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import secrets
import sys
import urllib.error
import urllib.request
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

APP_ID = "vn.example.dichvucong"
CALLBACK = "vn.example.dichvucong:/dang-nhap"
"""On a phone the system hands this address to the app. A real app does better with an https link that it has claimed."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects are looked at, one by one."""

    def redirect_request(self, *arguments: Any) -> None:
        return None


OPENER = urllib.request.build_opener(NoRedirect)


def call(method: str, url: str, body: bytes | None = None, **headers: str) -> tuple[int, str, str]:
    """Return status, ``Location`` and text of an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        answer = OPENER.open(urllib.request.Request(url, body, named, method=method), timeout=30)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        return answer.status, answer.headers.get("Location") or "", answer.read().decode("utf-8", "replace")


def post(url: str, content: dict[str, str]) -> dict[str, Any]:
    """Ask an endpoint for apps; give up on a refusal."""
    status, _, text = call("POST", url, json.dumps(content).encode(), Content_Type="application/json")
    if status != 200:
        sys.exit(f"{url}: {status} {text}")
    return dict(json.loads(text))


def main() -> None:
    """Sign in, use the session, end it."""
    options = arguments()
    mobile = options.portal + "/vneid/mobile"

    say("1. Ứng dụng tạo code_verifier và giữ bí mật. / The app makes a verifier and keeps it to itself.")
    verifier = secrets.token_urlsafe(32)
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()

    say("2. Bắt đầu / Start: POST /vneid/mobile/start")
    begun = post(mobile + "/start", {"app_id": APP_ID, "callback": CALLBACK, "mode": options.mode, "code_challenge": challenge})

    say("3. Công dân đăng nhập VNeID. / The citizen signs in at VNeID.")
    way = by_hand if options.by_hand else by_vneid_app if options.mode == "app" else by_web
    back = parse_qs(urlsplit(way(begun["url"], options)).query)
    if "code" not in back:
        sys.exit(f"   Không đăng nhập được / not signed in: {back.get('error', ['?'])[0]}")

    say("4. Đổi code lấy access token / Redeem the code: POST /vneid/mobile/token")
    granted = post(mobile + "/token", {"transaction": begun["transaction"], "code": back["code"][0], "code_verifier": verifier})
    say(f"   {granted['identity']['full_name']}, {granted['expires_in']} s")

    say("5. Gọi cổng dịch vụ với token / Ask the portal with the token")
    bearer = "Bearer " + granted["access_token"]
    say(f"   {options.page}: {call('GET', options.portal + options.page, Authorization=bearer)[0]}")

    say("6. Đăng xuất / Sign out: POST /vneid/mobile/revoke")
    say(f"   {call('POST', mobile + '/revoke', b'', Authorization=bearer)[0]}, "
        f"/vneid/session: {call('GET', options.portal + '/vneid/session', Authorization=bearer)[0]}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Signs in at the demonstration's portal as an app on a phone does.")
    parser.add_argument("mode", nargs="?", choices=("web", "app"), default="web", help="web VNeID, or the VNeID app by deep link")
    parser.add_argument("--portal", default="http://127.0.0.1:6543", help="default: %(default)s")
    parser.add_argument("--simulator", default="http://127.0.0.1:8765", help="default: %(default)s")
    parser.add_argument("--person", default="nguyet", help="whom the simulator signs in, or refuse (default: %(default)s)")
    parser.add_argument("--page", default="/tai-khoan/", help="what is asked of the portal (default: %(default)s)")
    parser.add_argument("--by-hand", action="store_true", help="you open the address and paste where it ends")
    return parser.parse_args()


def by_web(url: str, options: argparse.Namespace) -> str:
    """What the phone's browser does: VNeID's page, the portal's callback, the app's."""
    _, callback, text = call("GET", f"{url}&persona={options.person}")
    return call("GET", callback)[1] if callback else sys.exit(text)


def by_vneid_app(url: str, options: argparse.Namespace) -> str:
    """What the VNeID app does with the link, and where it goes back to. Never keep such a link: it holds a secret."""
    form = urlencode({"link": url, "persona": options.person}).encode()
    return call("POST", options.simulator + "/app", form, Content_Type="application/x-www-form-urlencoded")[1]


def by_hand(url: str, options: argparse.Namespace) -> str:
    """You are the person. Firefox shows an address that it can't open; Chromium shows it among the network requests."""
    where = f"{options.simulator}/app và dán / and paste:" if options.mode == "app" else "trong trình duyệt / in a browser:"
    say(f"   Mở / open {where}\n   {url}")
    return input(f"   Dán địa chỉ / paste the address that begins with {CALLBACK}: ").strip()


def say(words: str) -> None:
    print(words, flush=True)


if __name__ == "__main__":
    main()
