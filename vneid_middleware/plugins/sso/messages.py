"""The words of sign-on's pages: what happened, and what to do next."""

from __future__ import annotations

from vneid_middleware.pages import Message

_RETRY_VI = "Hãy đăng nhập lại."
_LATER_VI = "Vui lòng thử lại sau ít phút. Nếu vẫn gặp lỗi, hãy liên hệ bộ phận hỗ trợ và cung cấp mã tra cứu bên dưới."
_LATER_EN = ("Try again in a few minutes. If it still does not work, contact support and give them the reference number "
             "below.")


def _both(title_vi: str, happened_vi: str, todo_vi: str, title_en: str, happened_en: str,
          todo_en: str) -> dict[str, Message]:
    return {"vi": Message(title_vi, happened_vi, todo_vi), "en": Message(title_en, happened_en, todo_en)}


MESSAGES = {
    "action.logout": _both("Đăng xuất", "", "", "Sign out", "", ""),
    "action.provider_logout": _both("Đăng xuất khỏi VNeID", "", "", "Sign out of VNeID", "", ""),
    "confirm_logout": _both(
        "Bạn có muốn đăng xuất không?", "Bạn sẽ đăng xuất khỏi cổng dịch vụ này và khỏi VNeID trên trình duyệt này.",
        "Nội dung đang nhập mà chưa lưu sẽ bị mất.",
        "Do you want to sign out?", "You will be signed out of this service and of VNeID in this browser.",
        "Anything you have typed and not saved will be lost."),
    "logged_out": _both(
        "Bạn đã đăng xuất", "Phiên đăng nhập của bạn trên cổng dịch vụ này đã kết thúc.",
        "Nếu đang dùng máy tính chung, hãy đóng tất cả cửa sổ trình duyệt.",
        "You have signed out", "Your session with this service has ended.",
        "If you share this computer with others, close all browser windows."),
    "still_signed_in": _both(
        "Bạn vẫn đang đăng nhập", "Phiên đăng nhập của bạn trên cổng dịch vụ này chưa kết thúc.",
        "Hãy đăng xuất nếu bạn đang dùng máy tính chung.",
        "You are still signed in", "Your session with this service has not ended.",
        "Sign out if you share this computer with others."),
    "logout_refused": _both(
        "Chưa đăng xuất", "Yêu cầu đăng xuất đến từ một trang web khác nên không được thực hiện.",
        "Nếu bạn muốn đăng xuất, hãy bấm Đăng xuất trên cổng dịch vụ này.",
        "You have not been signed out", "The request to sign out came from another website, so we did not act on it.",
        "If you want to sign out, use the sign-out button of this service."),
    "logout_incomplete": _both(
        "Đăng xuất chưa hoàn tất", "Trình duyệt này đã được đăng xuất, nhưng hệ thống chưa ghi nhận được ở mọi nơi.",
        "Hãy đóng tất cả cửa sổ trình duyệt, rồi đăng xuất khỏi VNeID.",
        "You are not completely signed out", "This browser has been signed out, but we could not record it everywhere.",
        "Close all browser windows, and sign out of VNeID."),
    "return_to_refused": _both(
        "Liên kết đăng nhập không hợp lệ", "Liên kết bạn vừa mở muốn chuyển bạn đến một địa chỉ không thuộc cổng dịch vụ này.",
        "Hãy mở cổng dịch vụ từ trang chủ rồi đăng nhập.",
        "The sign-in link does not work", "The link you opened wants to send you to an address outside this service.",
        "Open the service from its start page and sign in there."),
    "request_malformed": _both(
        "Liên kết đăng nhập không hợp lệ", "Liên kết bạn vừa mở bị thiếu hoặc sai thông tin.",
        "Hãy mở cổng dịch vụ từ trang chủ rồi đăng nhập.",
        "The sign-in link does not work", "Something in the link you opened is missing or wrong.",
        "Open the service from its start page and sign in there."),
    "callback_malformed": _both(
        "Đăng nhập chưa thành công", "Thông tin do VNeID gửi về bị thiếu hoặc sai nên không dùng được.", _RETRY_VI,
        "We could not sign you in", "What came back from VNeID is incomplete or wrong, so we cannot use it.",
        "Sign in again."),
    "state_unknown": _both(
        "Đăng nhập chưa thành công",
        "Lượt đăng nhập này không bắt đầu từ trình duyệt bạn đang dùng, hoặc trình duyệt đang chặn cookie.",
        "Hãy đăng nhập lại trên chính trình duyệt này. Nếu lỗi lặp lại, hãy cho phép cookie của cổng dịch vụ này.",
        "We could not sign you in", "This sign-in was not started in this browser, or the browser blocks cookies.",
        "Sign in again in this same browser. If that fails too, allow cookies for this service."),
    "login_expired": _both(
        "Lượt đăng nhập đã hết hạn", "Bạn mất nhiều thời gian hơn mức cho phép để đăng nhập ở VNeID.", _RETRY_VI,
        "Your sign-in has timed out", "Signing in at VNeID took longer than allowed.", "Sign in again."),
    "login_used": _both(
        "Lượt đăng nhập này đã được dùng", "Trang bạn vừa mở thuộc một lượt đăng nhập đã kết thúc.", _RETRY_VI,
        "This sign-in has already been used", "The page you opened belongs to a sign-in that is over.", "Sign in again."),
    "issuer_mismatch": _both(
        "Đăng nhập chưa thành công", "Câu trả lời không đến từ hệ thống đăng nhập mà bạn đã chọn.", _RETRY_VI,
        "We could not sign you in", "The answer did not come from the system you were sent to.", "Sign in again."),
    "login_loop": _both(
        "Trình duyệt không giữ được phiên đăng nhập", "Bạn đã đăng nhập thành công, nhưng trình duyệt không lưu cookie của cổng "
        "dịch vụ này nên chưa thể tiếp tục.",
        "Hãy cho phép cookie của cổng dịch vụ này, hoặc dùng trình duyệt khác, rồi đăng nhập lại sau ít phút.",
        "Your browser does not keep you signed in", "You signed in, but your browser does not keep the cookie of this service, "
        "so you cannot go on.", "Allow cookies for this service, or use another browser, and sign in again in a few minutes."),
    "logged_out_meanwhile": _both(
        "Bạn đã đăng xuất khỏi VNeID", "Tài khoản VNeID của bạn đã được đăng xuất trong lúc đang đăng nhập vào cổng dịch vụ này.",
        "Nếu muốn tiếp tục, hãy đăng nhập lại.",
        "You have signed out of VNeID", "Your VNeID account was signed out while you were signing in here.",
        "Sign in again if you want to go on."),
    "login_cancelled": _both(
        "Bạn đã từ chối đăng nhập", "Bạn chưa đồng ý chia sẻ thông tin từ VNeID, nên cổng dịch vụ chưa đăng nhập được cho bạn.",
        "Nếu muốn tiếp tục, hãy đăng nhập lại và chọn đồng ý.",
        "You cancelled the sign-in", "You did not agree to share your details from VNeID, so we could not sign you in.",
        "If you want to go on, sign in again and agree."),
    "level_too_low": _both(
        "Mức tài khoản VNeID chưa đủ", "Dịch vụ này yêu cầu tài khoản định danh điện tử mức {level}; tài khoản của bạn chưa "
        "đạt mức đó.",
        "Để nâng mức tài khoản, hãy mang thẻ căn cước đến cơ quan Công an gần nhất. Sau đó đăng nhập lại.",
        "Your VNeID account level is too low", "This service asks for an account of level {level}; yours has not reached it.",
        "To raise your level, take your identity card to the nearest police office. Then sign in again."),
    "organisation_refused": _both(
        "Chưa hỗ trợ tài khoản tổ chức", "Bạn vừa đăng nhập bằng tài khoản VNeID của tổ chức. Cổng dịch vụ này hiện chỉ nhận "
        "tài khoản cá nhân.",
        "Hãy đăng nhập lại bằng tài khoản VNeID cá nhân.",
        "Organisation accounts cannot be used here", "You signed in with the VNeID account of an organisation. This service "
        "takes personal accounts only.",
        "Sign in again with your personal VNeID account."),
    "account_unknown": _both(
        "Bạn chưa có tài khoản trên cổng dịch vụ này", "Bạn đã đăng nhập VNeID, nhưng cổng dịch vụ này không có tài khoản nào "
        "gắn với số định danh cá nhân của bạn.",
        "Hãy liên hệ bộ phận hỗ trợ của cổng dịch vụ để được cấp tài khoản, rồi đăng nhập lại.",
        "You do not have an account here", "You signed in with VNeID, but this service has no account for you.",
        "Ask the support of this service for an account. Then sign in again."),
    "account_conflict": _both(
        "Chưa thể đăng nhập cho bạn", "Thông tin VNeID gửi về không khớp với lần đăng nhập trước của tài khoản này. Để bảo vệ "
        "tài khoản, chúng tôi đã dừng lượt đăng nhập.",
        "Hãy liên hệ bộ phận hỗ trợ và cung cấp mã tra cứu bên dưới.",
        "We cannot sign you in", "The details from VNeID do not match an earlier sign-in to this account. To protect the account "
        "we have stopped this sign-in.",
        "Contact support and give them the reference number below."),
    "account_invalid": _both(
        "Không xác định được tài khoản của bạn", "Dữ liệu tài khoản trên cổng dịch vụ này bị trùng hoặc sai, nên chúng tôi chưa "
        "thể đăng nhập cho bạn.",
        "Hãy liên hệ bộ phận hỗ trợ và cung cấp mã tra cứu bên dưới.",
        "We cannot tell which account is yours", "The account data of this service are wrong or ambiguous, so we did not sign "
        "you in.",
        "Contact support and give them the reference number below."),
    "accounts_unavailable": _both(
        "Chưa đăng nhập được", "Hệ thống tạm thời không tra cứu được tài khoản của bạn nên chưa thể đăng nhập cho bạn.",
        _LATER_VI,
        "We cannot sign you in right now", "We cannot look up your account at the moment, so we did not sign you in.",
        _LATER_EN),
    "claims_invalid": _both(
        "Thông tin từ VNeID không hợp lệ", "VNeID gửi về thông tin thiếu hoặc không đúng định dạng, nên chúng tôi không thể xác "
        "nhận bạn là ai.", _LATER_VI,
        "The details from VNeID are not valid", "VNeID sent details that are missing or malformed, so we cannot tell who you "
        "are.", _LATER_EN),
    "answer_invalid": _both(
        "Không xác minh được câu trả lời của VNeID", "Câu trả lời của VNeID không qua được bước kiểm tra an toàn.", _LATER_VI,
        "We could not verify VNeID's answer", "The answer from VNeID did not pass our security checks.", _LATER_EN),
    "code_refused": _both(
        "Lượt đăng nhập đã hết hạn", "VNeID không chấp nhận mã đăng nhập, thường vì mã chỉ có hiệu lực trong vài giây.",
        _RETRY_VI,
        "Your sign-in has timed out", "VNeID did not accept the sign-in code, usually because it lives a few seconds only.",
        "Sign in again."),
    "provider_error": _both(
        "VNeID chưa xử lý được yêu cầu", "VNeID báo lỗi khi đăng nhập.", _LATER_VI,
        "VNeID could not process the request", "VNeID answered with an error.", _LATER_EN),
    "provider_unavailable": _both(
        "VNeID đang gặp sự cố", "Hệ thống VNeID tạm thời không phục vụ được. Các trang không cần đăng nhập vẫn dùng được.",
        _LATER_VI,
        "VNeID is having problems", "VNeID cannot serve us right now. Pages that need no sign-in still work.", _LATER_EN),
    "provider_timeout": _both(
        "VNeID không trả lời kịp", "Chúng tôi đã chờ nhưng VNeID không trả lời kịp. Các trang không cần đăng nhập vẫn dùng được.",
        _LATER_VI,
        "VNeID did not answer in time", "We waited, but VNeID did not answer. Pages that need no sign-in still work.",
        _LATER_EN),
    "provider_unreachable": _both(
        "Không kết nối được với VNeID", "Chúng tôi không kết nối được với VNeID. Các trang không cần đăng nhập vẫn dùng được.",
        _LATER_VI,
        "We cannot reach VNeID", "We could not connect to VNeID. Pages that need no sign-in still work.", _LATER_EN),
    "too_many_logins": _both(
        "Đang có quá nhiều lượt đăng nhập", "Nhiều người đang đăng nhập cùng lúc và VNeID trả lời chậm.",
        "Vui lòng chờ một phút rồi đăng nhập lại.",
        "Too many people are signing in", "Many people are signing in at once and VNeID answers slowly.",
        "Wait a minute, then sign in again."),
    "storage_unavailable": _both(
        "Chưa đăng nhập được", "Hệ thống tạm thời không lưu được phiên đăng nhập nên chưa thể đăng nhập cho bạn.", _LATER_VI,
        "We cannot sign you in right now", "We cannot keep a session at the moment, so we did not sign you in.", _LATER_EN),
}
