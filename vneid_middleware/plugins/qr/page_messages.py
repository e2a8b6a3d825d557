"""What the counter's page says beside the words of each status."""

from __future__ import annotations

from collections.abc import Mapping

from vneid_middleware.pages import Message


def _word(vi: str, en: str) -> Mapping[str, Message]:
    return {"vi": Message(vi, "", ""), "en": Message(en, "", "")}


PAGE_MESSAGES: Mapping[str, Mapping[str, Message]] = {
    "counter.page": {
        "vi": Message("Tra cứu bằng mã QR", "Quét mã QR trên ứng dụng VNeID của công dân.", ""),
        "en": Message("Look-up by QR code", "Scan the QR code in the citizen's VNeID app.", "")},
    "counter.brand": _word("Bộ phận một cửa · VNeID", "One-stop counter · VNeID"),
    "counter.no_script": {
        "vi": Message("Trang này cần JavaScript", "Trình duyệt đang tắt JavaScript nên không quét được.",
                      "Hãy bật JavaScript cho cổng này rồi tải lại trang."),
        "en": Message("This page needs JavaScript", "The browser has switched it off, so nothing can be scanned.",
                      "Switch JavaScript on for this portal and load the page again.")},

    # scanning
    "counter.code": _word("Mã QR VNeID", "VNeID QR code"),
    "counter.code_hint": _word("Quét bằng máy quét, dán, hoặc gõ rồi nhấn Enter.", "Scan, paste, or type it and press Enter."),
    "counter.look_up": _word("Tra cứu", "Look up"),
    "counter.camera": _word("Bật camera", "Use the camera"),
    "counter.camera_off": _word("Tắt camera", "Stop the camera"),
    "counter.camera_hint": _word("Đưa mã QR vào giữa khung hình.", "Hold the QR code in the middle of the picture."),
    "counter.camera_refused": _word("Trình duyệt không cho dùng camera. Hãy cho phép camera ở trang này, hoặc dùng máy quét.",
                                    "The browser does not allow the camera. Allow it for this page, or use a scanner."),
    "counter.camera_missing": _word("Không tìm thấy camera. Hãy dùng máy quét.", "No camera was found. Use a scanner."),
    "counter.camera_insecure": _word("Camera chỉ dùng được khi cổng chạy trên https.",
                                     "The camera needs the portal to run on https."),
    "counter.camera_broken": _word("Camera không hoạt động. Có thể chương trình khác đang dùng.",
                                   "The camera does not work. Another program may be using it."),
    "counter.next": _word("Công dân tiếp theo", "Next citizen"),
    "counter.caps_on": _word("Caps Lock đang bật: mã quét sẽ sai. Hãy tắt Caps Lock.",
                             "Caps Lock is on: what is scanned will be wrong. Switch it off."),
    "counter.ready": {
        "vi": Message("Sẵn sàng quét", "Hãy mời công dân mở mã QR trong ứng dụng VNeID.", ""),
        "en": Message("Ready to scan", "Ask the citizen to open the QR code in the VNeID app.", "")},
    "counter.blanked": _word("Thông tin của công dân trước đã được xóa khỏi màn hình.",
                             "The last citizen's data have been cleared from the screen."),
    "counter.asking": {
        "vi": Message("Đang hỏi VNeID…", "Đã nhận mã vừa quét.", ""),
        "en": Message("Asking VNeID…", "The code has been read.", "")},
    "counter.seconds": _word("Mã QR còn hiệu lực tối đa {n} giây", "The QR code works for {n} seconds at most"),
    "counter.code_over": _word("Mã QR vừa quét đã hết hiệu lực: nếu cần quét lại, hãy xin công dân mã mới.",
                               "The scanned QR code is no longer valid: to scan again, ask for a new one."),
    "counter.slow": _word("Mạng chập chờn, trang vẫn đang chờ kết quả.", "The network is unsteady; the page goes on waiting."),
    "counter.input_method": {
        "vi": Message("Bộ gõ tiếng Việt đã làm sai mã vừa quét", "Trong mã có chữ tiếng Việt do bộ gõ Telex hoặc VNI tạo ra.",
                      "Hãy tắt bộ gõ tiếng Việt (Unikey, EVKey, hoặc chuyển bàn phím sang ENG) rồi quét lại."),
        "en": Message("A Vietnamese keyboard has changed the code", "Telex or VNI has turned its letters into Vietnamese ones.",
                      "Switch the Vietnamese input method off (Unikey, EVKey, or the ENG keyboard), and scan again.")},
    "counter.caps_lock": {
        "vi": Message("Caps Lock đã làm sai mã vừa quét", "Chữ hoa và chữ thường trong mã bị đảo ngược.",
                      "Hãy tắt Caps Lock rồi quét lại."),
        "en": Message("Caps Lock has changed the code", "Its capital and small letters are swapped.",
                      "Switch Caps Lock off, and scan again.")},

    # what could not be done
    "counter.offline": {
        "vi": Message("Mất kết nối tới máy chủ", "Trang chưa gửi được yêu cầu.", "Hãy kiểm tra mạng rồi thử lại."),
        "en": Message("The server can't be reached", "The request could not be sent.", "Check the network and try again.")},
    "counter.retry": _word("Thử lại với mã này", "Try this code again"),
    "counter.retry_in": _word("Có thể thử lại sau {n} giây", "Try again in {n} seconds"),
    "counter.reference": _word("Mã tra cứu khi cần hỗ trợ", "Reference number if you ask for help"),

    # who is there
    "counter.key": _word("Khóa của quầy", "This counter's key"),
    "counter.key_hint": _word("Khóa chỉ ở trong trang này và mất khi đóng hoặc tải lại trang.",
                              "The key stays in this page and is gone when it is closed or loaded again."),
    "counter.key_wrong": _word("Khóa không đúng. Hãy nhập lại.", "The key is wrong. Type it again."),
    "counter.start": _word("Bắt đầu", "Start"),
    "counter.to_portal": _word("Đến trang đăng nhập của cổng", "Go to the portal to sign in"),
    "counter.check_again": _word("Kiểm tra lại", "Check again"),

    # what goes with a lookup
    "counter.context": _word("Thông tin kèm theo", "Goes with the look-up"),
    "counter.optional": _word("không bắt buộc", "optional"),
    "counter.dossier": _word("Số hồ sơ", "Dossier"),
    "counter.unitCode": _word("Mã đơn vị", "Unit"),
    "counter.officerId": _word("Số định danh của cán bộ", "Officer's number"),
    "counter.missing": {
        "vi": Message("Còn thiếu: {field}", "Mã đã được quét và đang chờ.", "Hãy nhập rồi nhấn Enter, không cần quét lại."),
        "en": Message("Missing: {field}", "The code has been read and waits.",
                      "Type it and press Enter; no need to scan again.")},

    # the citizen
    "counter.verified": _word("Đã được VNeID xác thực", "Verified by VNeID"),
    "counter.not_verified": _word("CHƯA XÁC THỰC", "NOT VERIFIED"),
    "counter.soDinhDanh": _word("Số định danh cá nhân", "Personal number"),
    "counter.hoVaTen": _word("Họ và tên", "Full name"),
    "counter.gioiTinh": _word("Giới tính", "Gender"),
    "counter.ngayThangNamSinh": _word("Ngày, tháng, năm sinh", "Date of birth"),
    "counter.noiThuongTru": _word("Nơi thường trú", "Permanent residence"),
    "counter.gender_0": _word("Không có thông tin", "No information"),
    "counter.gender_1": _word("Nam", "Male"),
    "counter.gender_2": _word("Nữ", "Female"),
    "counter.gender_disagrees": _word("Không khớp với số định danh. Hãy đối chiếu với giấy tờ.",
                                      "Does not agree with the number. Compare it with the papers."),
    "counter.birth_year_disagrees": _word("Năm sinh không khớp với số định danh. Hãy đối chiếu với giấy tờ.",
                                          "The year does not agree with the number. Compare it with the papers."),
    "counter.copy": _word("Sao chép", "Copy"),
    "counter.copy_all": _word("Sao chép tất cả", "Copy all"),
    "counter.copied": _word("Đã sao chép", "Copied"),
    "counter.copy_failed": _word("Trình duyệt không cho sao chép. Hãy chọn và sao chép bằng tay.",
                                 "The browser does not allow copying. Select and copy it by hand."),
    "counter.hand_over": _word("Điền vào hồ sơ", "Fill the dossier"),
    "counter.handed_over": _word("Đã gửi sang trang hồ sơ…", "Sent to the dossier's page…"),
    "counter.received": _word("Trang hồ sơ đã nhận thông tin.", "The dossier's page has taken the data."),
    "counter.not_received": _word("Chưa trang hồ sơ nào báo đã nhận. Hãy kiểm tra trang hồ sơ đang mở.",
                                  "No dossier's page has said that it took them. Look at the page that is open."),

    # the card instead
    "counter.manual": _word("Nhập tay từ thẻ", "Type in from the card"),
    "counter.manual_title": _word("Thông tin từ thẻ căn cước", "Data from the identity card"),
    "counter.date_hint": _word("ngày/tháng/năm, hoặc chỉ năm", "day/month/year, or the year alone"),
    "counter.number_wrong": _word("Số định danh có đúng 12 chữ số.", "The personal number has 12 digits."),
    "counter.date_wrong": _word("Hãy nhập ngày/tháng/năm, ví dụ 31/12/1990.", "Type day/month/year, such as 31/12/1990."),
    "counter.name_missing": _word("Hãy nhập họ và tên.", "Type the name."),

    # keys
    "counter.keys": _word("Phím tắt", "Keys"),
    "counter.or": _word("hoặc", "or"),
}
