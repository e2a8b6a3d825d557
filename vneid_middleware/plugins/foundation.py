"""What every portal sets: its address, its secret, its storage, what is protected, what the host gets."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from vneid_middleware import crypto
from vneid_middleware.alarm import Alarm
from vneid_middleware.converters import (
    authorities,
    boolean,
    integer,
    networks,
    one_of,
    origin_url,
    paths,
    seconds,
    sqlalchemy_url,
    url,
    url_path,
    words,
)
from vneid_middleware.core.access import parse_access
from vneid_middleware.pages import Message
from vneid_middleware.settings import REQUIRED, Problem, Setting, Settings, SettingsTable, Source


def secret_lines(value: str, source: Source) -> str:
    """Lines of at least 32 characters each."""
    return "\n".join(crypto.secret_lines(value))


def access_rules(value: str, source: Source) -> Any:
    """Lines ``PATTERN = REQUIREMENT…``."""
    return parse_access(value)


def storage_url(value: str, source: Source) -> str:
    """A SQLAlchemy URL; a relative SQLite file is relative to the ini."""
    from vneid_middleware.storage.urls import check_url

    checked = sqlalchemy_url(value, source)
    scheme, _, rest = checked.partition("://")
    if scheme.split("+")[0] != "sqlite":
        check_url(checked)
        return checked
    name = rest.removeprefix("/")
    if not rest.startswith("/") or not name or ":memory:" in name or "mode=memory" in name:
        raise ValueError("must name a file: what is kept in memory is lost at a restart and seen by one process only")
    url = f"{scheme}:///{source.path(name)}"
    check_url(url)
    return url


def _default_storage(values: Mapping[str, Any], source: Source) -> str | None:
    return f"sqlite:///{source.path('var/vneid.db')}" if source.here else None


def _default_threads(values: Mapping[str, Any], source: Source) -> int:
    threads = source.server.get("threads", "")
    return int(threads) if threads.isascii() and threads.isdigit() and int(threads) > 0 else 4


def _no_access(values: Mapping[str, Any], source: Source) -> Any:
    return parse_access("")


def _storage_rule(settings: Settings) -> list[Problem]:
    if settings["storage"] is None:
        return [settings.problem("storage", "is required, since there is no ini file whose folder could hold it",
                                 "Give an SQLAlchemy URL such as sqlite:////var/lib/vneid/vneid.db.")]
    return []


def _insecure_rule(settings: Settings) -> list[Problem]:
    if settings["allow_insecure_http"]:
        return [settings.problem("allow_insecure_http", "plain http is allowed: whoever sees the traffic can sign in as "
                                 "any citizen", "Remove it outside a closed test network.", severity="warning")]
    return []


def _takeover_rule(settings: Settings) -> list[Problem]:
    both = set(settings["takeover.login"]) & set(settings["takeover.logout"])
    return [settings.problem("takeover.logout", f"names {path}, which takeover.login names too",
                             "Name each path once.") for path in sorted(both)]


TABLE = SettingsTable("foundation", (
    Setting("use", lambda value, source: value, "egg:vneid-middleware", "PasteDeploy's own key."),
    Setting("enabled", boolean, True, "false: the host runs as if unwrapped."),
    Setting("public_url", origin_url, REQUIRED,
            "The portal's address as browsers see it, with the path it is mounted under if there is one. Every URL the "
            "middleware makes is built on it, never on the Host header.",
            remedy="Give the address that citizens type, such as https://dichvucong.example.gov.vn."),
    Setting("prefix", url_path, "/vneid", "Where the middleware's own endpoints live."),
    Setting("secret", secret_lines, REQUIRED,
            "Each line at least 32 characters; several lines: the first seals, all open, for rotation.", secret=True,
            remedy="Make one with: vneid keys new secret."),
    Setting("plugins", words, ("sso",), "Which plugins are active: entry-point names or dotted names."),
    Setting("storage", storage_url, _default_storage, "SQLAlchemy URL of the middleware's own database.", secret=True,
            default_text="sqlite:///%(here)s/var/vneid.db"),
    Setting("allow_insecure_http", boolean, False, "Plain http beyond loopback, for a closed test network."),
    Setting("trusted_proxies", networks, (), "Addresses whose X-Forwarded-For counts."),
    Setting("server_threads", integer(1, 4096), _default_threads,
            "How many requests the server takes at once; what waits for others holds at most half.",
            default_text="[server:main]'s threads, else 4"),
    Setting("http.ca_file", authorities, None, "Certificate authorities (PEM) for all calls the middleware makes.",
            default_text="the system's"),
    Setting("http.proxy", url, None, "Proxy for all calls the middleware makes; the environment's are not read."),
    Setting("http.timeout", seconds(1, 30), 10, "Seconds that a call may take."),
    Setting("language", one_of("vi", "en"), "vi", "Language of pages; the browser's preference wins."),
    Setting("access", access_rules, _no_access,
            "Lines PATTERN = REQUIREMENT…, first match wins. Requirements: pass, login, level>=1, level>=2, "
            "account=person, account=organisation, claim:NAME=VALUE.", default_text="everything pass"),
    Setting("challenge", boolean, True, "A host's 401 to an anonymous browser navigation starts a login."),
    Setting("takeover.login", paths, (), "The host's own login paths, answered by the middleware."),
    Setting("takeover.logout", paths, (), "The host's own logout paths, answered by the middleware."),
    Setting("identity_headers", one_of("off", "percent", "base64"), "off",
            "Also give the host HTTP_X_VNEID_… keys, encoded as named."),
    Setting("alarm.url", url, None,
            "https URL that gets a JSON POST for what a person must see, such as one personal number under two subjects.",
            secret=True),
    Setting("log.format", one_of("text", "json"), "text", "Form of the middleware's log lines."),
), (_storage_rule, _insecure_rule, _takeover_rule))

MESSAGES = {
    "word.brand": {"vi": Message("Đăng nhập bằng VNeID", "", ""), "en": Message("Sign in with VNeID", "", "")},
    "word.skip": {"vi": Message("Đến nội dung chính", "", ""), "en": Message("Skip to main content", "", "")},
    "word.error": {"vi": Message("Lỗi", "", ""), "en": Message("Error", "", "")},
    "word.reference": {"vi": Message("Mã tra cứu khi cần hỗ trợ", "", ""),
                       "en": Message("Reference number if you ask for help", "", "")},
    "word.language": {"vi": Message("Tiếng Việt", "", ""), "en": Message("English", "", "")},
    "action.home": {"vi": Message("Về trang chủ", "", ""), "en": Message("Go to the start page", "", "")},
    "action.login": {"vi": Message("Đăng nhập bằng VNeID", "", ""), "en": Message("Sign in with VNeID", "", "")},
    "action.retry": {"vi": Message("Đăng nhập lại", "", ""), "en": Message("Sign in again", "", "")},
    "action.back": {"vi": Message("Quay lại", "", ""), "en": Message("Go back", "", "")},
    "internal_error": {
        "vi": Message("Dịch vụ đang gặp sự cố", "Hệ thống gặp lỗi nên chưa xử lý được yêu cầu của bạn.",
                      "Vui lòng thử lại sau ít phút. Nếu vẫn gặp lỗi, hãy liên hệ bộ phận hỗ trợ và cung cấp mã tra cứu "
                      "bên dưới."),
        "en": Message("Sorry, there is a problem with the service", "We could not process your request.",
                      "Try again in a few minutes. If it still does not work, contact support and give them the "
                      "reference number below.")},
    "not_found": {
        "vi": Message("Không tìm thấy trang", "Địa chỉ này không có trên hệ thống.",
                      "Hãy kiểm tra lại địa chỉ hoặc về trang chủ."),
        "en": Message("Page not found", "There is no page at this address.", "Check the address or go to the start page.")},
    "method_not_allowed": {
        "vi": Message("Yêu cầu không hợp lệ", "Trang này không nhận loại yêu cầu vừa gửi.", "Hãy về trang chủ và thử lại."),
        "en": Message("This request does not work here", "The page does not take this kind of request.",
                      "Go to the start page and try again.")},
    "forbidden": {
        "vi": Message("Bạn không có quyền xem trang này", "Tài khoản bạn đang dùng không đáp ứng điều kiện của trang này.",
                      "Hãy về trang chủ, hoặc đăng xuất rồi đăng nhập bằng tài khoản khác."),
        "en": Message("You cannot view this page", "The account you are signed in with does not meet what this page asks "
                      "for.", "Go to the start page, or sign out and use another account.")},
    "login_required": {
        "vi": Message("Bạn cần đăng nhập", "Trang này chỉ dành cho người đã đăng nhập.",
                      "Hãy đăng nhập bằng VNeID. Nếu bạn vừa gửi một biểu mẫu, hãy gửi lại sau khi đăng nhập."),
        "en": Message("You need to sign in", "This page is for people who are signed in.",
                      "Sign in with VNeID. If you have just sent a form, send it again after signing in.")},
    "step_up_required": {
        "vi": Message("Bạn cần đăng nhập ở mức cao hơn", "Trang này yêu cầu tài khoản định danh điện tử mức {level}.",
                      "Hãy đăng nhập lại bằng tài khoản VNeID mức {level}."),
        "en": Message("You need to sign in at a higher level", "This page asks for a VNeID account of level {level}.",
                      "Sign in again with a VNeID account of level {level}.")},
    "session_unverifiable": {
        "vi": Message("Chưa kiểm tra được phiên đăng nhập", "Hệ thống tạm thời không kiểm tra được phiên đăng nhập của bạn.",
                      "Vui lòng thử lại sau ít phút. Các trang không cần đăng nhập vẫn dùng được."),
        "en": Message("We cannot check your sign-in right now", "The service cannot check whether you are still signed in.",
                      "Try again in a few minutes. Pages that need no sign-in still work.")},
}


def includeme(config: Any) -> None:
    """Declare the foundation's settings and words."""
    config.add_vneid_settings(TABLE)
    config.add_vneid_messages("foundation", MESSAGES)
    config.add_vneid_component("logging", _set_up_logging)
    config.add_vneid_component("alarm", Alarm)


class JSONFormatter(logging.Formatter):
    """One JSON object a line, ASCII only, so that nothing in a message can break out of its line."""

    def format(self, record: logging.LogRecord) -> str:
        import json

        line = {"time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"), "level": record.levelname.lower(),
                "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _set_up_logging(services: Any) -> None:
    logger = logging.getLogger("vneid_middleware")
    ours = [handler for handler in logger.handlers if isinstance(handler.formatter, JSONFormatter)]
    for handler in ours:
        logger.removeHandler(handler)
    logger.propagate = True
    if services.settings["log.format"] == "json":
        handler = logging.StreamHandler()
        handler.setFormatter(JSONFormatter())
        logger.addHandler(handler)
        logger.propagate = False
