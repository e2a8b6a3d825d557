"""``vneid init``."""

from __future__ import annotations

import argparse
import re
import secrets
import sys
from pathlib import Path

from vneid_middleware.cli import init_documents
from vneid_middleware.cli.keys import signing_pem, write_private
from vneid_middleware.cli.words import say

_SIMULATOR = "http://127.0.0.1:8765"
_HOSTS = ("wsgi", "django", "flask", "pyramid", "plone")

_SAMPLES = {
    "wsgi": '''def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"Xin chào {environ.get('REMOTE_USER', 'khách')}!".encode()]
''',
    "flask": '''from flask import Flask, request

application = Flask(__name__)


@application.route("/")
def home():
    return f"Xin chào {request.environ.get('REMOTE_USER', 'khách')}!"
''',
    "pyramid": '''from pyramid.config import Configurator
from pyramid.response import Response


def home(request):
    return Response(f"Xin chào {request.environ.get('REMOTE_USER', 'khách')}!", charset="utf-8")


with Configurator() as config:
    config.add_route("home", "/")
    config.add_view(home, route_name="home")
    application = config.make_wsgi_app()
''',
    "django": '''from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="made for trying out, replace it")
urlpatterns = [path("", lambda request: HttpResponse(f"Xin chào {request.META.get('REMOTE_USER', 'khách')}!"))]
application = get_wsgi_application()
''',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("folder", metavar="DIR", nargs="?", default=".", help=say("where to write (default: here)"))
    parser.add_argument("--host", choices=_HOSTS, default="wsgi", help=say("the portal's framework (default: %(default)s)"))
    parser.add_argument("--simulator", action="store_true", help=say("sign in at the simulator (vneid simulator)"))
    parser.epilog = say("Example: {command}", command="vneid init myportal --host django --simulator")


def run(args: argparse.Namespace) -> int:
    """Write the ini, the secrets and, where there is no portal yet, a sample of one."""
    folder = Path(args.folder)
    if "%" in str(folder.absolute()):
        print("vneid init:", say("{folder} has a % in it, which PasteDeploy can't read. Choose another folder.",
                                 folder=folder.absolute()), file=sys.stderr)
        return 1
    files = _files(folder, args)
    there = [str(name) for name in files if (folder / name).exists()]
    if there:
        print("vneid init:", say("{name} is there already and is not written over; nothing was written.",
                                 name=", ".join(there)), file=sys.stderr)
        return 1
    try:
        (folder / "secrets").mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in files.items():
            if name.startswith("secrets/"):
                write_private(str(folder / name), content)
            else:
                (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        print("vneid init:", say("{name} can't be written: {reason}", name=error.filename, reason=error.strerror),
              file=sys.stderr)
        return 1
    for name in files:
        print(folder / name)
    print(say("Next: {command}", command=f"vneid check {folder / 'portal.ini'}; vneid serve {folder / 'portal.ini'}"),
          file=sys.stderr)
    return 0


def _files(folder: Path, args: argparse.Namespace) -> dict[str, str]:
    from vneid_middleware.simulator.state import DEMO_SECRET

    given = DEMO_SECRET if args.simulator else "replace-with-the-secret-that-C06-gave-you"
    files = {"portal.ini": _ini(folder, args), "secrets/secret": secrets.token_urlsafe(48) + "\n",
             "secrets/signing.pem": signing_pem(), "secrets/vneid": given + "\n"}
    if args.host in _SAMPLES and not _django_project(folder, args.host):
        files["portal.py"] = _SAMPLES[args.host]
    return files


def _django_project(folder: Path, host: str) -> str:
    manage = folder / "manage.py"
    if host != "django" or not manage.is_file():
        return ""
    match = re.search(r"DJANGO_SETTINGS_MODULE['\"],\s*['\"]([\w.]+)['\"]", manage.read_text(encoding="utf-8"))
    return match[1] if match else ""


def _ini(folder: Path, args: argparse.Namespace) -> str:
    return f"""# A portal behind VNeID. `vneid check portal.ini` tells what is wrong; `vneid serve portal.ini` starts it.

[filter:vneid]
use = egg:vneid-middleware
# the portal's address as browsers see it
public_url = http://127.0.0.1:6543
# seals the sessions; keep the file to yourself
secret = file:%(here)s/secrets/secret
# which parts are active
plugins =
    sso
#    documents
{_provider(args.simulator)}
{_commented()}
{init_documents.commented(_SIMULATOR if args.simulator else "")}
{_app(folder, args.host)}
[pipeline:main]
pipeline = vneid portal

[server:main]
use = egg:waitress#main
listen = 127.0.0.1:6543
threads = 8
# The middleware itself decides, by trusted_proxies, which forwarded addresses count: let it see them.
clear_untrusted_proxy_headers = false
"""


def _provider(simulator: bool) -> str:
    from vneid_middleware.simulator.state import DEMO_CLIENT

    if not simulator:
        return ("# what C06 gave you: replace the id here and the secret in the file\n"
                "sso.client_id = replace-with-the-id-that-C06-gave-you\nsso.client_secret = file:%(here)s/secrets/vneid\n")
    return f"""sso.client_id = {DEMO_CLIENT}
sso.client_secret = file:%(here)s/secrets/vneid
# the simulator, started with: vneid simulator
sso.authorization_endpoint = {_SIMULATOR}/auth
sso.token_endpoint = {_SIMULATOR}/api/idp/auth/realms/citizen/protocol/openid-connect/token
sso.userinfo_endpoint = {_SIMULATOR}/api/idp/third-party/userinfo
sso.logout_endpoint = {_SIMULATOR}/api/idp/sso/logout
"""


def _commented() -> str:
    """Return further settings as comments, out of the tables, so that they can't say anything else than those."""
    from vneid_middleware.plugins import foundation
    from vneid_middleware.plugins import sessions as session

    lines = ["# Further settings, with their defaults:"]
    for row in (*foundation.TABLE.rows, *session.ROWS):
        if isinstance(row.default, (bool, int, str)) and row.name not in ("use", "enabled", "prefix"):
            value = str(row.default).lower() if isinstance(row.default, bool) else row.default
            lines += [f"# {row.help}", f"#{row.name} = {value}"]
    lines += ["# Which paths need whom, first match wins.", "#access =", "#    /ho-so* = login"]
    return "\n".join(lines) + "\n"


def _app(folder: Path, host: str) -> str:
    if host == "plone":
        return "[app:portal]\n# needs Plone's own environment\nuse = egg:Zope#main\nzope_conf = %(here)s/etc/zope.conf\n"
    project = _django_project(folder, host)
    if project:
        return (f"[app:portal]\nuse = egg:vneid-middleware#wsgi\ntarget = {project.rpartition('.')[0]}.wsgi:application\n"
                f"environ =\n    DJANGO_SETTINGS_MODULE = {project}\n")
    return ("[app:portal]\nuse = egg:vneid-middleware#wsgi\n# any WSGI callable, as package.module:attribute\n"
            "target = portal:application\n")
