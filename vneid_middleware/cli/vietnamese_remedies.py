"""What to do about a wrong setting, in Vietnamese; ``{name}`` stands for what varies."""

from __future__ import annotations

_MAKE = {
    "Make one with: {command}, and give C06 its public half.": "Hãy tạo bằng lệnh: {command}, rồi gửi nửa công khai cho C06.",
    "Make one with: {command}.": "Hãy tạo bằng lệnh: {command}.",
    "Make a key with: {command}.": "Hãy tạo khóa bằng lệnh: {command}.",
    "Make one for each: {command}.": "Hãy tạo riêng cho mỗi nơi một khóa: {command}.",
    "Ask VNeID for its key set, or make a key with: {command}.":
        "Hãy hỏi VNeID về bộ khóa công khai của họ, hoặc tạo khóa bằng lệnh: {command}.",
    "Run: chmod 600 {path}.": "Hãy chạy: chmod 600 {path}.",
}

_GIVE = {
    "Give the address that citizens type, such as https://dichvucong.example.gov.vn.":
        "Hãy ghi địa chỉ mà công dân gõ, ví dụ https://dichvucong.example.gov.vn.",
    "Give the address that C06 told you.": "Hãy ghi địa chỉ mà C06 đã cho biết.",
    "Give the path that C06 told you.": "Hãy ghi đường dẫn mà C06 đã cho biết.",
    "The client id that C06 gave the portal.": "Mã khách (client id) mà C06 cấp cho cổng.",
    "Give it as file:PATH or env:NAME, so that it stands in no ini.":
        "Hãy ghi dưới dạng file:PATH hoặc env:NAME để nó không nằm trong tệp ini.",
    "Give what C06 gave you for the app, the secret as file:PATH or env:NAME.":
        "Hãy ghi thông tin C06 cấp cho ứng dụng, chuỗi bí mật ghi dưới dạng file:PATH hoặc env:NAME.",
    "Ask C06 for a client of its own for the deep link.": "Hãy xin C06 cấp một mã khách riêng cho liên kết mở ứng dụng.",
    "Give the provider's issuer exactly as its discovery document has it.":
        "Hãy ghi issuer đúng từng ký tự như trong tài liệu discovery của hệ thống xác thực.",
    "Give file:PATH or the https URL of the key set that VNeID signs with.":
        "Hãy ghi file:PATH hoặc URL https của bộ khóa mà VNeID dùng để ký.",
    "Give a line such as vn.gov.example.app = https://dichvucong.example.gov.vn/app/callback":
        "Hãy ghi một dòng như vn.gov.example.app = https://dichvucong.example.gov.vn/app/callback",
    "Give an SQLAlchemy URL such as sqlite:////var/lib/vneid/vneid.db.":
        "Hãy ghi một URL của SQLAlchemy, ví dụ sqlite:////var/lib/vneid/vneid.db.",
    "Give its SQLAlchemy URL.": "Hãy ghi URL SQLAlchemy của nó.",
    "Give documents.allow the address of the security server.": "Hãy ghi địa chỉ của máy chủ bảo mật vào documents.allow.",
    "Give accounts.url and accounts.query too, or remove the line.":
        "Hãy ghi cả accounts.url và accounts.query, hoặc xóa dòng này.",
    "Give both, or neither.": "Hãy ghi cả hai, hoặc không ghi cái nào.",
    "Give at most {number}.": "Hãy ghi tối đa {number}.",
    "Describe one: transport.vneid.kind and transport.vneid.url; then {line}.":
        "Hãy mô tả một transport: transport.vneid.kind và transport.vneid.url; rồi ghi {line}.",
    "Say sql, or name a plugin's provider.": "Hãy ghi sql, hoặc tên nguồn giấy tờ của một plugin.",
    "Use a name such as GPLX, as VNeID sends it in loaiGiayTo.": "Hãy dùng tên như GPLX, đúng như VNeID gửi trong loaiGiayTo.",
    "Make it smaller.": "Hãy ghi số nhỏ hơn.",
    "Add it.": "Hãy thêm vào.",
    "Name the right column, or give the field a name other than {PERSONAL_ID}.":
        "Hãy ghi đúng cột, hoặc đặt cho trường một tên khác {PERSONAL_ID}.",
    "Upper and lower case make two kinds.": "Chữ hoa và chữ thường tạo thành hai loại giấy tờ khác nhau.",
    "Add ORDER BY and the column that is since.": "Hãy thêm ORDER BY và cột làm since.",
}

_NAME = {
    "If it is a vendor's, name the vendor's plugin in plugins.": "Nếu là của nhà cung cấp, hãy ghi plugin của họ vào plugins.",
    "Name the vendor's plugin in plugins.": "Hãy ghi plugin của nhà cung cấp vào plugins.",
    "Name each plugin once.": "Hãy ghi mỗi plugin một lần.",
    "Name each path once.": "Hãy ghi mỗi đường dẫn một lần.",
    "Name a path of the host.": "Hãy ghi một đường dẫn của ứng dụng cổng.",
    "Name a path of the host that tells who is signed in there.":
        "Hãy ghi một đường dẫn của ứng dụng cổng cho biết ai đang đăng nhập ở đó.",
    "Name the sign-up page of the host.": "Hãy ghi trang đăng ký tài khoản của ứng dụng cổng.",
    "Name the paths of the forms in access.": "Hãy ghi đường dẫn của các biểu mẫu vào access.",
    "Name the service by {key}.": "Hãy ghi dịch vụ bằng {key}.",
    "Add {name} to plugins, or remove the line.": "Hãy thêm {name} vào plugins, hoặc xóa dòng này.",
    "Add {name} to plugins, or remove the lines.": "Hãy thêm {name} vào plugins, hoặc xóa các dòng này.",
    "Add sso to plugins.": "Hãy thêm sso vào plugins.",
    "See docs/settings.md for all of them.": "Xem toàn bộ các thiết lập trong docs/settings.md.",
    "Tell whoever made the plugin.": "Hãy báo cho người làm plugin.",
}

_CHANGE = {
    "Remove the line.": "Hãy xóa dòng này.",
    "Remove the line, or set {key}.": "Hãy xóa dòng này, hoặc đặt {key}.",
    "Remove the line, or choose the kind that it belongs to.": "Hãy xóa dòng này, hoặc chọn loại (kind) dùng nó.",
    "Remove the line, or give an https address.": "Hãy xóa dòng này, hoặc ghi một địa chỉ https.",
    "Remove it outside a closed test network.": "Hãy xóa khi ở ngoài mạng thử nghiệm khép kín.",
    "Remove one of them from plugins.": "Hãy xóa một trong hai khỏi plugins.",
    "Remove all but one of them.": "Hãy xóa bớt, chỉ để lại một.",
    "Set sso.issuer and sso.jwks_uri.": "Hãy đặt sso.issuer và sso.jwks_uri.",
    "Set both sso.issuer and sso.jwks_uri, or neither.": "Hãy đặt cả sso.issuer và sso.jwks_uri, hoặc không đặt cái nào.",
    "Set sso.id_token = required.": "Hãy đặt sso.id_token = required.",
    "Set {key}.kind and .url.": "Hãy đặt {key}.kind và .url.",
    "Set documents.transport and documents.push_path.": "Hãy đặt documents.transport và documents.push_path.",
    "Leave it at S256 unless the provider refuses it.": "Hãy để S256, trừ khi hệ thống xác thực từ chối.",
    "Leave it off where web VNeID suffices; SECURITY.md says what remains.":
        "Hãy để tắt nếu VNeID trên web là đủ; SECURITY.md nói rõ rủi ro còn lại.",
    "Use jws or jwe where VNeID signs.": "Hãy dùng jws hoặc jwe nếu VNeID có ký.",
    "Use jws or jwe, or another way of consent.": "Hãy dùng jws hoặc jwe, hoặc cách lấy sự đồng ý khác.",
    "Use request_id or qr_id where VNeID repeats one of them in what it signs.":
        "Hãy dùng request_id hoặc qr_id nếu VNeID lặp lại một trong hai trong phần được ký.",
    "Take :{name} out of the SELECT, or its line out of match.":
        "Hãy bỏ :{name} khỏi câu SELECT, hoặc bỏ dòng của nó khỏi match.",
    "Bind soDinhDanh only, and compare the rest by {key}.": "Chỉ dùng soDinhDanh làm điều kiện, phần còn lại so sánh bằng {key}.",
    "Is it the whole address that the adapter forwards from?":
        "Đây đã là toàn bộ địa chỉ chuyển tiếp của bộ kết nối (adapter) chưa?",
}

REMEDIES = {**_MAKE, **_GIVE, **_NAME, **_CHANGE}
