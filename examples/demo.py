"""Starts the VNeID simulator, the Django portal behind the middleware and its worker, and stops all on Ctrl-C.

Ports come from the environment: ``PORT`` (6543) for the portal, ``SIMULATOR_PORT`` (8765) for the simulator.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NoReturn

HOST = "127.0.0.1"
PORTAL = Path(__file__).resolve().parent / "django"
VAR = PORTAL / "var"
START_SECONDS = 60
STOP_SECONDS = 10
READY = """
  Cổng dịch vụ công (portal)         http://{host}:{port}/
  Trình mô phỏng VNeID (simulator)   http://{host}:{simulator_port}/

  Công dân (citizen): mở cổng, chọn "Đăng nhập bằng VNeID", rồi chọn một công dân của trình mô phỏng
  (open the portal, sign in with VNeID, and choose one of the simulator's citizens).

  Quầy một cửa (the one-stop counter), hai cửa sổ (two windows):
    Cán bộ (officer)                 http://{host}:{port}/can-bo/   canbo / {password}
    Điện thoại công dân (phone)      http://{host}:{simulator_port}/phone
    Cán bộ chọn "Tiếp nhận hồ sơ", "Mở quầy tra cứu", rồi quét mã trên điện thoại, hoặc chép và dán nội dung mã
    (the officer opens a dossier, then the counter, and scans the phone's code, or copies and pastes its text).

  Giấy tờ của công dân, hai cửa sổ (citizens' papers, two windows):
    Ví giấy tờ (wallet)              http://{host}:{simulator_port}/wallet
    Cán bộ (officer)                 http://{host}:{port}/can-bo/giay-phep-lai-xe/
    Cán bộ thu hồi, trả lại hoặc gia hạn một giấy phép; ví đang mở tự hiện thay đổi sau vài giây. Trong ví có thể hỏi
    giấy tờ, có hoặc không nhập thêm thông tin (the officer revokes, gives back or renews a licence, and the open wallet
    shows it within seconds; the wallet also asks for papers, with or without typed data).

  Các cảnh báo ở trên (mobile.deep_link, qr.bind) dành cho cổng thật (the warnings above are meant for real portals).

  Ứng dụng di động, ở cửa sổ lệnh thứ hai (a mobile app, in a second terminal):
    {python} examples/mobile/app.py{options}
    {python} examples/mobile/app.py app{options}

  Công tắc và lỗi thử nghiệm (switches and faults to try)
                                     http://{host}:{simulator_port}/control

  Nhấn Ctrl-C để dừng tất cả. Ctrl-C stops everything.
"""


class Stop(Exception):
    """Somebody wants the demonstration to end."""


def main() -> int:
    """Run until stopped.

    Returns:
        the exit status: 0 stopped by a signal, 1 something died, 2 a port can't be used.
    """
    ports = {"PORT": port_of("PORT", 6543), "SIMULATOR_PORT": port_of("SIMULATOR_PORT", 8765)}
    if ports["PORT"] == ports["SIMULATOR_PORT"]:
        give_up(2, f"PORT và SIMULATOR_PORT trùng nhau / are both {ports['PORT']}: "
                   "PORT=7000 SIMULATOR_PORT=7001 make demo")
    for name, port in ports.items():
        check_free(name, port)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        return run(running, ports["PORT"], ports["SIMULATOR_PORT"])
    except Stop:
        print("\nĐang dừng… / Stopping…", flush=True)
        return 0
    finally:
        end(running)


def run(running: dict[str, subprocess.Popen[bytes]], port: int, simulator_port: int) -> int:
    """Prepare, start all and watch them; every process that is started is put into ``running``."""
    running["prepare.py"] = start(sys.executable, str(PORTAL / "prepare.py"))
    if running["prepare.py"].wait():
        give_up(1, "prepare.py không chạy được / failed; its message stands above")
    del running["prepare.py"]
    running["simulator"] = start(
        sys.executable, "-m", "vneid_middleware.simulator", "--port", str(simulator_port),
        "--portal", f"http://{HOST}:{port}")
    vneid = str(Path(sys.executable).with_name("vneid"))
    given = str(PORTAL / "portal.ini"), f"port={port}", f"simulator_port={simulator_port}"
    running["portal"] = start(vneid, "serve", *given)
    wait_for(running, {"simulator": simulator_port, "portal": port})
    running["worker"] = start(vneid, "worker", *given)
    password = (VAR / "canbo-password").read_text(encoding="ascii").strip()
    options = "" if (port, simulator_port) == (6543, 8765) else (
        f" --portal http://{HOST}:{port} --simulator http://{HOST}:{simulator_port}")
    print(READY.format(host=HOST, port=port, simulator_port=simulator_port, password=password, options=options,
                       python=os.path.relpath(sys.executable)), flush=True)
    while True:
        check_alive(running)
        time.sleep(0.5)


def port_of(name: str, default: int) -> int:
    """Return the port that an environment variable gives."""
    value = os.environ.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
        give_up(2, f"{name}={value}: phải là số từ 1 đến 65535 / must be a number from 1 to 65535")
    return int(value)


def check_free(name: str, port: int) -> None:
    """Make sure that we may listen on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            give_up(2, f"Cổng mạng {port} không dùng được ({name}). Chọn số khác: {name}={port + 1} make demo\n"
                       f"Port {port} can't be used: {error.strerror}. Choose another: {name}={port + 1} make demo")


def start(*command: str) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own, so that Ctrl-C reaches us alone and we end it in order."""
    return subprocess.Popen(command, cwd=PORTAL, stdin=subprocess.DEVNULL, start_new_session=True)


def wait_for(running: dict[str, subprocess.Popen[bytes]], ports: dict[str, int]) -> None:
    """Return when all answer."""
    deadline = time.monotonic() + START_SECONDS
    waiting = dict(ports)
    while waiting:
        check_alive(running)
        if time.monotonic() > deadline:
            give_up(1, f"{', '.join(waiting)}: không trả lời sau {START_SECONDS} giây / "
                       f"no answer after {START_SECONDS} seconds")
        waiting = {name: port for name, port in waiting.items() if not answers(port)}
        time.sleep(0.1)


def answers(port: int) -> bool:
    """Tell whether a web server answers there, with whatever status."""
    connection = HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("HEAD", "/")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def check_alive(running: dict[str, subprocess.Popen[bytes]]) -> None:
    """Give up when one of them has ended by itself."""
    for name, process in running.items():
        if process.poll() is not None:
            give_up(1, f"{name} đã dừng / ended by itself (status {process.returncode}); its message stands above")


def end(running: dict[str, subprocess.Popen[bytes]]) -> None:
    """Stop whatever runs still, the one that was started last first."""
    for process in reversed(running.values()):
        if process.poll() is None:
            process.terminate()
    for process in reversed(running.values()):
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def stop(number: int, frame: Any) -> NoReturn:
    """Answer a signal, once: a second Ctrl-C must not cut the stopping short."""
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(again, signal.SIG_IGN)
    raise Stop


def give_up(status: int, message: str) -> NoReturn:
    """Say why, and leave; what runs is stopped on the way out."""
    print(message, file=sys.stderr, flush=True)
    raise SystemExit(status)


if __name__ == "__main__":
    sys.exit(main())
