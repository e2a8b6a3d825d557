"""``vneid keys``."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import sys
from typing import Any

from vneid_middleware.cli.words import say

_LINES = {
    "secret": {"secret": "secret = file:{value}"},
    "bearer": {"qr.operators": "qr.operators =\n    {name} = sha256:{value}",
               "documents.submitters": "documents.submitters =\n    {name} = sha256:{value}",
               "documents.callers": "documents.callers =\n    {name} = key:sha256:{value}",
               "metrics.key": "metrics.key = sha256:{value}"},
    "signing": {"sso.signing_key": "sso.signing_key = {value}", "documents.signing_key": "documents.signing_key = {value}"},
    "encryption": {"sso.decryption_key": "sso.decryption_key = {value}", "qr.decryption_key": "qr.decryption_key = {value}"},
}
"""What is made, to the settings that it may be for and how it stands there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    new = actions.add_parser("new", help=say("make a secret or a key"))
    new.add_argument("kind", choices=tuple(_LINES))
    new.add_argument("--out", metavar="FILE", help=say("where to write it; never over a file that is there"))
    new.add_argument("--for", metavar="KEY", dest="key", choices=[key for lines in _LINES.values() for key in lines],
                     help=say("the setting that it is for, such as documents.submitters: only that line is printed"))
    new.add_argument("--name", metavar="NAME",
                     help=say("who gets the bearer key, such as mot-cua: the name in the audit"))
    parser.epilog = say("Example: {command}", command="vneid keys new bearer --for documents.submitters --name mot-cua")


def run(args: argparse.Namespace) -> int:
    """Make it and print the ini line."""
    wrong = _wrong(args)
    if wrong:
        print("vneid keys:", wrong, file=sys.stderr)
        return 2
    try:
        return _simple(args) if args.kind in ("secret", "bearer") else _pair(args)
    except FileExistsError:
        print("vneid keys:", say("{name} is there already and is not written over.", name=args.out), file=sys.stderr)
        return 1
    except OSError as error:
        print("vneid keys:", say("{name} can't be written: {reason}", name=args.out, reason=error.strerror), file=sys.stderr)
        return 1


def _wrong(args: argparse.Namespace) -> str:
    """Return what does not go together; empty when all does."""
    lines = _LINES[args.kind]
    if args.key and args.key not in lines:
        return say("--for {key} does not go with {kind}, which is for: {keys}", key=args.key, kind=args.kind,
                   keys=", ".join(lines))
    if args.name and not any("{name}" in line for key, line in lines.items() if args.key in (None, key)):
        return say("--name is for settings with lines NAME = …, such as qr.operators")
    if args.name and not (args.name.isascii() and args.name.replace("-", "").replace("_", "").replace(".", "").isalnum()
                          and len(args.name) <= 64):
        return say("--name takes up to 64 letters without diacritics, digits and . _ -")
    return ""


def _simple(args: argparse.Namespace) -> int:
    value = secrets.token_urlsafe(48)
    if args.out:
        write_private(args.out, value + "\n")
    else:
        print(value)
    if args.kind == "bearer":
        _print_lines(args, hashlib.sha256(value.encode()).hexdigest())
    elif args.out:
        _print_lines(args, args.out)
    return 0


def _print_lines(args: argparse.Namespace, value: str) -> None:
    """Print the ini line; where several may be meant and none is named, each of them."""
    lines = {key: line for key, line in _LINES[args.kind].items() if args.key in (None, key)}
    if len(lines) > 1:
        print("vneid keys:", say("take the one line that it is for; --for KEY prints it alone"), file=sys.stderr)
    for line in lines.values():
        print(line.format(name=args.name or "NAME", value=value))
    if not args.name and any("{name}" in line for line in lines.values()):
        print("vneid keys:", say("put who gets the key in place of NAME; the ini holds its SHA-256 only"), file=sys.stderr)


def _pair(args: argparse.Namespace) -> int:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from vneid_middleware.core.keys import public_jwk

    signing = args.kind == "signing"
    key = ec.generate_private_key(ec.SECP256R1()) if signing else rsa.generate_private_key(65537, 3072)
    out = args.out or f"{args.kind}.pem"
    args.out = out
    write_private(out, _pem(key))
    _print_lines(args, out)
    jwk = {**public_jwk(key), "use": "sig" if signing else "enc", "alg": "ES256" if signing else "RSA-OAEP-256"}
    print(json.dumps({"keys": [jwk]}, indent=2))
    return 0


def signing_pem() -> str:
    """Return a new signing key in PEM form."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return _pem(ec.generate_private_key(ec.SECP256R1()))


def _pem(key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return text.decode()


def write_private(name: str, content: str) -> None:
    """Write a file that only its owner reads; never over one that is there."""
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
