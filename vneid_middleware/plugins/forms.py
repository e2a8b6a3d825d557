"""The page of a form that was kept until its sender signed in again: send it now, or throw it away."""

from __future__ import annotations

from typing import Any

from vneid_middleware import negotiation
from vneid_middleware.kept_forms import KeptForms
from vneid_middleware.pages import Link, Message


def _both(vi: tuple[str, str, str], en: tuple[str, str, str]) -> dict[str, Message]:
    return {"vi": Message(*vi), "en": Message(*en)}


def _not_kept(vi: str, en: str) -> dict[str, Message]:
    return _both(
        ("Biểu mẫu chưa được giữ lại", f"Bạn cần đăng nhập để gửi biểu mẫu này, và {vi}.",
         "Hãy bấm nút Quay lại của trình duyệt: nội dung bạn đã nhập thường vẫn còn. Sau đó đăng nhập trong một thẻ (tab) khác, "
         "rồi trở lại thẻ này để gửi lại biểu mẫu."),
        ("Your form could not be kept", f"You need to sign in to send this form, and {en}.",
         "Use your browser's Back button: what you typed is usually still there. Then sign in in another tab, come back to "
         "this one and send the form again."))


MESSAGES = {
    "action.send_again": _both(("Gửi lại biểu mẫu", "", ""), ("Send the form again", "", "")),
    "action.throw_away": _both(("Xóa biểu mẫu", "", ""), ("Throw the form away", "", "")),
    "word.form_for": _both(("Biểu mẫu gửi đến trang", "", ""), ("The form is for the page", "", "")),
    "form_kept_login_required": _both(
        ("Bạn cần đăng nhập", "Biểu mẫu bạn vừa gửi đã được giữ lại an toàn nhưng chưa được gửi đi.",
         "Hãy đăng nhập bằng VNeID trong vòng {minutes} phút. Sau khi đăng nhập, bạn bấm một nút để gửi biểu mẫu mà không phải "
         "nhập lại."),
        ("You need to sign in", "The form you have just sent has been kept safe, but has not been sent on.",
         "Sign in with VNeID within {minutes} minutes. After that you press a button to send the form, without filling it in "
         "again.")),
    "form_kept_step_up_required": _both(
        ("Bạn cần đăng nhập ở mức cao hơn",
         "Biểu mẫu này yêu cầu tài khoản định danh điện tử mức {level}. Biểu mẫu bạn vừa gửi đã được giữ lại an toàn nhưng chưa "
         "được gửi đi.",
         "Hãy đăng nhập lại bằng tài khoản VNeID mức {level} của chính bạn trong vòng {minutes} phút. Sau khi đăng nhập, bạn bấm "
         "một nút để gửi biểu mẫu mà không phải nhập lại."),
        ("You need to sign in at a higher level",
         "This form asks for a VNeID account of level {level}. The form you have just sent has been kept safe, but has not been "
         "sent on.",
         "Sign in again with your own VNeID account of level {level} within {minutes} minutes. After that you press a button to "
         "send the form, without filling it in again.")),
    "form_not_kept_size": _not_kept("biểu mẫu quá lớn nên hệ thống không giữ lại được", "it is too large to be kept"),
    "form_not_kept_type": _not_kept("hệ thống không giữ lại được loại biểu mẫu này", "forms of this kind cannot be kept"),
    "form_not_kept_full": _not_kept("hệ thống đang giữ quá nhiều biểu mẫu chờ gửi", "too many forms are waiting already"),
    "form_not_kept_storage": _not_kept("hệ thống đang gặp sự cố nên không giữ lại được biểu mẫu",
                                       "the service has a problem, so that it cannot be kept"),
    "form_not_kept_broken_off": _not_kept("biểu mẫu chưa được truyền đến đầy đủ", "it did not arrive whole"),
    "form_unverifiable": _both(
        ("Biểu mẫu chưa được gửi", "Hệ thống tạm thời không kiểm tra được phiên đăng nhập của bạn, nên biểu mẫu bạn vừa gửi "
         "chưa được gửi đi và không được giữ lại.",
         "Hãy bấm nút Quay lại của trình duyệt: nội dung bạn đã nhập thường vẫn còn. Vui lòng gửi lại sau ít phút."),
        ("Your form has not been sent", "The service cannot check whether you are still signed in, so the form you have just "
         "sent was neither sent on nor kept.",
         "Use your browser's Back button: what you typed is usually still there. Send the form again in a few minutes.")),
    "form_waiting": _both(
        ("Bạn có muốn gửi lại biểu mẫu không?", "Bạn đã đăng nhập. Biểu mẫu bạn gửi trước đó vẫn được giữ lại và chưa được "
         "gửi đi.", "Biểu mẫu chỉ được gửi khi bạn bấm nút, và chỉ gửi một lần."),
        ("Do you want to send your form again?", "You are signed in. The form you sent before is still kept, and has not been "
         "sent on.", "It is sent only when you press the button, and only once.")),
    "form_sent": _both(
        ("Biểu mẫu này đã được gửi", "Biểu mẫu này đã được gửi lại một lần và không được gửi thêm lần nữa.",
         "Trước khi nhập lại biểu mẫu, hãy kiểm tra trên cổng xem hồ sơ của bạn đã được nhận chưa."),
        ("This form has been sent", "This form has been sent again once, and is not sent another time.",
         "Before you fill it in anew, check on the portal whether what you sent has arrived.")),
    "form_gone": _both(
        ("Biểu mẫu không còn được giữ", "Biểu mẫu đã hết thời gian chờ, đã bị xóa, hoặc thuộc về người khác.",
         "Hãy mở lại trang có biểu mẫu và nhập lại."),
        ("The form is no longer kept", "It has waited too long, was thrown away, or belongs to somebody else.",
         "Open the page with the form again and fill it in.")),
    "form_dropped": _both(
        ("Đã xóa biểu mẫu", "Biểu mẫu chưa được gửi đi và nội dung đã bị xóa khỏi hệ thống.", ""),
        ("The form was thrown away", "It was not sent on, and its content is gone.", "")),
    "form_unavailable": _both(
        ("Chưa gửi được biểu mẫu", "Hệ thống gặp sự cố nên chưa gửi được biểu mẫu. Biểu mẫu vẫn được giữ lại.",
         "Hãy bấm nút Quay lại của trình duyệt và thử lại sau ít phút."),
        ("The form could not be sent", "The service has a problem. Your form is still kept.",
         "Use your browser's Back button and try again in a few minutes.")),
    "form_cross_site": _both(
        ("Yêu cầu không hợp lệ", "Yêu cầu gửi lại biểu mẫu đến từ một trang web khác nên đã bị từ chối.",
         "Nếu bạn muốn gửi biểu mẫu, hãy mở trang trên cổng và bấm nút ở đó."),
        ("This request does not work here", "The request to send a form came from another website and was refused.",
         "If you want to send your form, open the page on this portal and use the button there.")),
}


def form_page(request: Any) -> Any:
    """Say which page a kept form was for, with a button that sends it and one that throws it away."""
    vneid, forms, form_id = request.vneid, _forms(request), request.matchdict["form_id"]
    if forms is None or vneid.sessions.bearer_token(request.environ) is not None:
        # a form is kept for a browser; an app's session has none
        return vneid.pages.outcome(request, "not_found", 404)
    here = vneid.links.own(f"/form/{form_id}")
    record = vneid.sessions.from_environ(request.environ)
    if record is None:
        return vneid.pages.redirect(f"{vneid.links.own('/login')}?return_to={here.removeprefix(vneid.links.origin)}")
    found = forms.find(request.environ, form_id, record, _cookies(request))
    if found.form is None:
        return vneid.pages.outcome(request, f"form_{found.state}", 409 if found.state == "sent" else 404)
    response = vneid.pages.page(request, "kept_form.html", "form_waiting", form_for=found.form.shown_path(),
                                send=vneid.links.origin + found.form.button(form_id), drop=here + "/drop")
    # without it a browser sends Origin: null, and hosts that look at it would take their own form for another site's
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def not_kept_page(request: Any) -> Any:
    """Say that a form could not be kept, where the host's own 401 had to give way."""
    vneid = request.vneid
    return vneid.pages.outcome(request, f"form_not_kept_{request.matchdict['reason']}", 200, links=(
        Link("action.login", vneid.links.own("/login")), Link("action.home", vneid.links.home)))


def drop_view(request: Any) -> Any:
    """Throw a kept form away."""
    vneid, forms = request.vneid, _forms(request)
    if forms is None:
        return vneid.pages.outcome(request, "not_found", 404)
    if negotiation.is_cross_site(request.environ, vneid.links.origin):
        forms.refuse_press(request.environ)
        return vneid.pages.outcome(request, "form_cross_site", 403)
    forms.drop(request.environ, request.matchdict["form_id"], _cookies(request))
    return vneid.pages.outcome(request, "form_dropped", 200, links=(Link("action.home", vneid.links.home),))


def _forms(request: Any) -> KeptForms | None:
    component: KeptForms | None = request.vneid["forms"]
    return component


def _cookies(request: Any) -> dict[str, str]:
    _, others, _ = request.vneid.sessions.names.split(request.environ.get("HTTP_COOKIE", ""))
    return dict(others)


def _make(services: Any) -> KeptForms | None:
    return KeptForms(services) if services.settings["session.preserve_posts"] else None


def includeme(config: Any) -> None:
    """Keep forms where ``session.preserve_posts`` says so, and offer their page."""
    config.add_vneid_messages("forms", MESSAGES)
    config.add_vneid_component("forms", _make)
    config.add_route("vneid.form", "/form/{form_id:[A-Za-z0-9_-]{22}}")
    config.add_route("vneid.form_drop", "/form/{form_id:[A-Za-z0-9_-]{22}}/drop")
    config.add_route("vneid.form_not_kept", "/form/not-kept/{reason:size|type|full|storage|broken_off}")
    config.add_view(not_kept_page, route_name="vneid.form_not_kept", request_method="GET")
    config.add_view(form_page, route_name="vneid.form", request_method="GET")
    config.add_view(drop_view, route_name="vneid.form_drop", request_method="POST")
