"""The words of the one page that a person may see on the way from VNeID back to an app."""

from __future__ import annotations

from vneid_middleware.pages import Message

MESSAGES = {
    "app_sign_on_failed": {
        "vi": Message(
            "Không quay lại được ứng dụng",
            "Lượt đăng nhập này không còn hiệu lực, nên chúng tôi không chuyển bạn về ứng dụng được.",
            "Hãy mở lại ứng dụng trên điện thoại và đăng nhập từ đó. Bạn có thể đóng trang này."),
        "en": Message(
            "We cannot take you back to the app",
            "This sign-in is no longer valid, so we cannot send you on to the app.",
            "Open the app on your phone again and sign in from there. You can close this page."),
    },
}
