"""A clerk at the counter: a browser profile, a scanner that types, and a film for the camera."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ARTIFACTS = Path(os.environ.get("VNEID_ARTIFACTS") or ROOT / "artifacts")
MEASURES = (Path(__file__).parent / "browser" / "measures.js").read_text(encoding="utf-8")
LOCALES = {"vi": "vi-VN", "en": "en-US"}
KIOSK, LAPTOP, PHONE = (1920, 1080), (1366, 768), (360, 740)


class Clerk:
    """Somebody before the counter's page, who notes what goes wrong in it.

    Args:
        context: the browser's profile.
        base: the portal's address.
        key: the counter's bearer key; empty where the portal itself says who is there.
    """

    def __init__(self, context: Any, base: str, key: str = "") -> None:
        self.context, self.base, self.key = context, base, key
        self.complaints: list[str] = []
        context.set_default_timeout(10_000)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page = context.new_page()

    def _console(self, message: Any) -> None:
        # that an answer is an error is the answer's own affair
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def arrive(self) -> Clerk:
        """Open the page and, where it asks for one, type the key."""
        self.page.goto(self.base + "/vneid/qr/")
        if self.key:
            self.type_key(self.key)
        self.page.locator("#desk").wait_for()
        return self

    def type_key(self, key: str) -> None:
        self.page.locator("#key").fill(key)
        self.page.keyboard.press("Enter")

    def type(self, code: str, end: str = "Enter") -> None:
        """Let the scanner type letter by letter, wherever the focus is; ``end`` is the key it presses last."""
        self.page.keyboard.type(code)
        if end:
            self.page.keyboard.press(end)

    def scan(self, code: str) -> None:
        """Let the scanner type all at once, and end with Enter."""
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Enter")

    def title(self) -> Any:
        """Return where the words are that say how things stand."""
        return self.page.locator("#title")

    def citizen(self) -> dict[str, str]:
        """Return what is shown of a citizen, by its label."""
        rows = self.page.locator("dl.citizen > div").all()
        return {row.locator("dt").inner_text(): row.locator("dd").first.inner_text() for row in rows}

    def measure(self, call: str) -> Any:
        """Ask one of the questions in measures.js of the page as it is shown."""
        return self.page.evaluate(f"({MEASURES}).{call}")

    def resize(self, size: tuple[int, int]) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})

    def shoot(self, name: str) -> None:
        """Keep pictures of the page on a kiosk, a laptop and a telephone."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        for form, size in {"kiosk": KIOSK, "laptop": LAPTOP, "phone": PHONE}.items():
            self.resize(size)
            self.page.screenshot(path=ARTIFACTS / f"counter-{name}-{form}.png", full_page=form == "phone")


FILM = (640, 480)
"""Width and height of what a fake camera sees, in pixels."""


def film_of(code: str, path: Path) -> None:
    """Write a film of a QR code on a telephone.

    Args:
        code: what the QR code says; drawn by segno, another library than the one that reads it.
    """
    import segno

    width, height = FILM
    symbol = [list(row) for row in segno.make(code, micro=False).matrix_iter(border=4)]
    scale = (height - 40) // len(symbol)
    left, top = (width - scale * len(symbol)) // 2, (height - scale * len(symbol)) // 2
    grey = bytearray([70]) * (width * height)
    for row, modules in enumerate(symbol):
        line = b"".join((b"\x18" if dark else b"\xe0") * scale for dark in modules)
        for y in range(top + row * scale, top + (row + 1) * scale):
            grey[y * width + left:y * width + left + len(line)] = line
    _write(bytes(grey), path)


def film_of_picture(picture: bytes, browser: Any, path: Path) -> None:
    """Write a film of a picture, as large as it fits, on grey.

    Args:
        picture: PNG, a screenshot for example.
        browser: opens the picture.
    """
    page = browser.new_page()
    grey = page.evaluate("""async ([picture, width, height]) => {
        const image = new Image();
        image.src = "data:image/png;base64," + picture;
        await image.decode();
        const pen = new OffscreenCanvas(width, height).getContext("2d");
        pen.fillStyle = "#464646";
        pen.fillRect(0, 0, width, height);
        const scale = 0.9 * Math.min(width / image.width, height / image.height);
        const [wide, high] = [image.width * scale, image.height * scale];
        pen.drawImage(image, (width - wide) / 2, (height - high) / 2, wide, high);
        const points = pen.getImageData(0, 0, width, height).data;
        return Array.from({length: width * height}, (_, at) => points[4 * at + 1]);
    }""", [b64encode(picture).decode(), *FILM])
    page.close()
    _write(bytes(grey), path)


def _write(grey: bytes, path: Path) -> None:
    """Write two times the same picture as YUV4MPEG2, which a fake camera plays again and again."""
    width, height = FILM
    colour = bytes([128]) * (width * height // 2)
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n".encode())
        for _ in range(2):
            film.write(b"FRAME\n" + grey + colour)


@contextmanager
def filming(playwright: Any, chromium: str, film: Path) -> Iterator[Any]:
    """Give a profile of a browser whose camera plays a film, and which lets pages use it."""
    browser = playwright.chromium.launch(executable_path=chromium, args=[
        "--no-sandbox", "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"])
    try:
        yield browser.new_context(locale="vi-VN", permissions=["camera"], viewport={"width": 1366, "height": 768})
    finally:
        browser.close()
