"""The command line in Vietnamese: what the code says in English, and the same for Vietnamese readers."""

from __future__ import annotations

_COMMANDS = {
    "Speak VNeID in front of any Python portal.": "Đăng nhập bằng VNeID cho mọi cổng thông tin viết bằng Python.",
    "show the version and exit": "hiện phiên bản rồi thoát",
    "write an ini that starts as it is": "ghi một tệp ini chạy được ngay",
    "serve the ini's main pipeline": "chạy pipeline chính của tệp ini",
    "read the whole configuration and tell every problem": "đọc toàn bộ cấu hình và báo mọi lỗi",
    "list plugins: installed, active, and what each provides":
        "liệt kê các plugin: đã cài, đang bật, và mỗi plugin cung cấp những gì",
    "play VNeID on this machine": "đóng vai VNeID trên máy này",
    "list and end sessions": "liệt kê và kết thúc các phiên",
    "make secrets and keys": "tạo chuỗi bí mật và khóa",
    "Example: {command}": "Ví dụ: {command}",
    "Next: {command}": "Tiếp theo: {command}",
    "Next: {command}; then add {name} to plugins in the portal's ini":
        "Tiếp theo: {command}; rồi thêm {name} vào plugins trong tệp ini của cổng",
    "error": "lỗi",
    "warning": "cảnh báo",
}

_FILES = {
    "the portal's ini file": "tệp ini của cổng thông tin",
    "variables for %%(NAME)s in the ini": "giá trị cho các biến %%(NAME)s trong tệp ini",
    "{name} is there already and is not written over.": "{name} đã có sẵn và không bị ghi đè.",
    "{name} is there already and is not written over; nothing was written.":
        "{name} đã có sẵn và không bị ghi đè; chưa ghi gì cả.",
    "{name} can't be written: {reason}": "không ghi được {name}: {reason}",
    "{folder} has a % in it, which PasteDeploy can't read. Choose another folder.":
        "{folder} có dấu %, PasteDeploy không đọc được. Hãy chọn thư mục khác.",
    "{word}: expected NAME=VALUE": "{word}: phải có dạng NAME=VALUE",
    "{file}: there is no such file. Make one with: vneid init": "{file}: không có tệp này. Hãy tạo bằng lệnh: vneid init",
    "{file}: no section [filter:NAME] has use = egg:vneid-middleware":
        "{file}: không có phần [filter:NAME] nào ghi use = egg:vneid-middleware",
    "{file}, line {line}": "{file}, dòng {line}",
    "gets its value from a name that [DEFAULT] does not have": "lấy giá trị từ một tên không có trong [DEFAULT]",
    "Add it there.": "Hãy thêm tên ấy vào đó.",
    "is dropped by PasteDeploy, since the command line gives a variable of that name":
        "bị PasteDeploy bỏ qua, vì dòng lệnh có một biến trùng tên",
    "Give the variable another name than {key}.": "Hãy đặt cho biến một tên khác {key}.",
    "is dropped by PasteDeploy, since [DEFAULT] has a key of that name":
        "bị PasteDeploy bỏ qua, vì [DEFAULT] có một khóa trùng tên",
    "Rename or remove {key} in [DEFAULT].": "Hãy đổi tên hoặc xóa {key} trong [DEFAULT].",
    "is not UTF-8 text": "không phải văn bản UTF-8",
    "Save it as UTF-8.": "Hãy lưu tệp theo mã UTF-8.",
    "a value": "một giá trị",
    "holds a % that PasteDeploy reads as the start of a variable": "có dấu % mà PasteDeploy hiểu là mở đầu một biến",
    "Put the value into a file of its own and write file:PATH here.":
        "Hãy đặt giá trị vào một tệp riêng và ghi file:PATH ở đây.",
    "stands twice": "xuất hiện hai lần",
    "Remove one.": "Hãy xóa một.",
    "is no ini file that PasteDeploy can read": "không phải tệp ini mà PasteDeploy đọc được",
}

_INIT_KEYS_AND_PLUGINS = {
    "where to write (default: here)": "thư mục để ghi (mặc định: thư mục hiện tại)",
    "the portal's framework (default: %(default)s)": "khung phần mềm của cổng (mặc định: %(default)s)",
    "sign in at the simulator (vneid simulator)": "đăng nhập qua trình mô phỏng (vneid simulator)",
    "make a secret or a key": "tạo một chuỗi bí mật hoặc một khóa",
    "where to write it; never over a file that is there": "tệp để ghi; không bao giờ ghi đè tệp đã có",
    "the setting that it is for, such as documents.submitters: only that line is printed":
        "thiết lập sẽ dùng nó, ví dụ documents.submitters: chỉ in dòng ấy",
    "who gets the bearer key, such as mot-cua: the name in the audit":
        "ai được cấp khóa, ví dụ mot-cua: tên sẽ ghi trong nhật ký",
    "--for {key} does not go with {kind}, which is for: {keys}":
        "--for {key} không dùng với {kind} được, loại này dành cho: {keys}",
    "--name is for settings with lines NAME = …, such as qr.operators":
        "--name chỉ dùng cho thiết lập có các dòng NAME = …, ví dụ qr.operators",
    "--name takes up to 64 letters without diacritics, digits and . _ -":
        "--name gồm tối đa 64 chữ cái không dấu, chữ số và các dấu . _ -",
    "take the one line that it is for; --for KEY prints it alone":
        "hãy lấy đúng một dòng cần dùng; --for KEY chỉ in dòng ấy",
    "put who gets the key in place of NAME; the ini holds its SHA-256 only":
        "hãy thay NAME bằng tên bên được cấp khóa; tệp ini chỉ giữ mã băm SHA-256 của khóa",
    "also tell which are active in this file": "cho biết thêm plugin nào đang bật trong tệp này",
    "write a vendor's distribution to start from": "ghi một gói mẫu để nhà cung cấp bắt đầu từ đó",
    "one word too many": "thừa một từ",
    "installed:": "đã cài:",
    "always active:": "luôn bật:",
    "(offered twice: name it by its dotted name)": "(có hai gói cùng cung cấp: hãy ghi đường dẫn đầy đủ của mô-đun)",
    "active in {file} [{section}]: {plugins}": "đang bật trong {file} [{section}]: {plugins}",
    "{name} is no name for a plugin. Small letters, digits and single hyphens make one, a letter first.":
        "{name} không dùng làm tên plugin được. Tên gồm chữ thường, chữ số và dấu gạch nối đơn, bắt đầu bằng chữ.",
}

_SERVING = {
    "{url} (listening on {address})": "{url} (đang nghe ở {address})",
    "{file} does not start. See: vneid check {file}": "{file} không khởi động được. Hãy xem: vneid check {file}",
    "the address can't be used: {reason}. Choose another port in [server:main].":
        "không dùng được địa chỉ này: {reason}. Hãy chọn cổng mạng khác trong [server:main].",
    "is missing": "bị thiếu",
    "Add: {line}": "Hãy thêm: {line}",
    "puts the middleware {times} times in front of the portal": "đặt phần mềm trung gian {times} lần trước cổng",
    "Name it once.": "Hãy ghi một lần thôi.",
    "does not name the middleware: the portal is served without it":
        "không nhắc đến phần mềm trung gian: cổng sẽ chạy mà không có nó",
    "Put the name of its [filter:NAME] first.": "Hãy đặt tên [filter:NAME] của nó lên đầu.",
    "the host fails when it is imported: {words}": "ứng dụng của cổng bị lỗi khi nạp: {words}",
    "is missing: vneid serve needs it, other servers don't": "bị thiếu: vneid serve cần phần này, các máy chủ khác thì không",
    "uses {egg}, and no such distribution is installed": "dùng {egg}, nhưng gói ấy chưa được cài",
    "Install it into this environment, or correct the line use = {egg}.":
        "Hãy cài gói vào môi trường này, hoặc sửa dòng use = {egg}.",
    "can't be resolved: {reason}": "không tìm ra được: {reason}",
    "address to listen on (default: %(default)s)": "địa chỉ để nghe (mặc định: %(default)s)",
    "how many requests may wait at once, such as for a citizen's consent (default: %(default)s)":
        "số yêu cầu được phép chờ cùng lúc, ví dụ chờ công dân đồng ý (mặc định: %(default)s)",
    "expected a number from 1 to 10000": "phải là số từ 1 đến 10000",
    "port to listen on (default: %(default)s)": "cổng mạng để nghe (mặc định: %(default)s)",
    "the portal's address, whose callback is registered (default: %(default)s)":
        "địa chỉ của cổng thông tin, nơi callback được đăng ký (mặc định: %(default)s)",
    "listen beyond this machine: anybody who reaches it can sign in as anybody":
        "nghe cả ngoài máy này: ai truy cập được đều có thể đăng nhập với tư cách bất kỳ ai",
    "expected a port from 1 to 65535": "cần một cổng mạng từ 1 đến 65535",
    "--host {host} is not a loopback address. Anybody who reaches the simulator can sign in as anybody; "
    "add --allow-non-loopback if that is what you want.":
        "--host {host} không phải địa chỉ nội bộ của máy. Ai truy cập được trình mô phỏng đều có thể đăng nhập với tư cách "
        "bất kỳ ai; hãy thêm --allow-non-loopback nếu bạn thực sự muốn vậy.",
    "port {port} can't be used: {reason}. Choose another one with --port.":
        "không dùng được cổng mạng {port}: {reason}. Hãy chọn cổng khác bằng --port.",
    "VNeID simulator (not VNeID): {url}": "Trình mô phỏng VNeID (không phải VNeID): {url}",
    "The VNeID side, for portals without credentials.": "Phía VNeID, dành cho các cổng chưa được cấp tài khoản kết nối.",
}

_CHECK = {
    "also try the provider, platforms, database and audit sinks":
        "thử thêm VNeID, các nền tảng chia sẻ dữ liệu, cơ sở dữ liệu và các nơi ghi nhật ký",
    "the portal names an officer to somebody who is not signed in: everybody could look citizens up":
        "cổng coi người chưa đăng nhập là cán bộ: ai cũng có thể tra cứu công dân",
    "the portal answers {status} to somebody who is not signed in, where 401 is expected":
        "cổng trả lời {status} cho người chưa đăng nhập, trong khi cần trả lời 401",
    "did not come to an end within {seconds} s": "không xong trong {seconds} giây",
    "[{section}] enabled is false: the portal is served as if unwrapped, and the other keys are not looked at":
        "[{section}] enabled là false: cổng chạy như khi không có phần mềm trung gian, các khóa khác không được xem xét",
    "does not start": "không khởi động được",
    "starts": "khởi động được",
    "starts, but not everything that it needs answers": "khởi động được, nhưng có thành phần cần thiết không trả lời",
    "ok": "đạt",
    "attention": "cần chú ý",
    "requirement": "yêu cầu",
    "basis": "căn cứ",
    "state": "trạng thái",
    "setting": "thiết lập",
    "traffic over TLS only": "chỉ truyền qua TLS",
    "session locks after 15 minutes": "phiên khóa sau 15 phút",
    "level 3 of both standards": "cấp độ 3 của cả hai tiêu chuẩn",
    "session ends within 12 hours": "phiên kết thúc trong 12 giờ",
    "proof key for code exchange": "khóa chứng minh khi đổi mã (PKCE)",
    "signed proof of identity": "chứng minh danh tính có chữ ký số",
    "secrets outside the ini": "bí mật để ngoài tệp ini",
    "audit kept at least 12 months": "nhật ký lưu ít nhất 12 tháng",
    "Decree 85/2016 / Decree 333/2026": "Nghị định 85/2016 / Nghị định 333/2026",
    "online: {name}: {result}": "trực tuyến: {name}: {result}",
    "online: {name}: warning: {result}": "trực tuyến: {name}: cảnh báo: {result}",
    "{name} is off: changes that were acknowledged are lost when the power is cut. Turn it on":
        "{name} đang tắt: các thay đổi đã được xác nhận sẽ mất khi mất điện. Hãy bật lên",
    "the database is damaged: {reason}. Stop everything and restore it from a backup":
        "cơ sở dữ liệu bị hỏng: {reason}. Hãy dừng mọi tiến trình và khôi phục từ bản sao lưu",
    "Check the address, and whether DNS, the firewall and http.proxy let this machine reach it.":
        "Hãy kiểm tra địa chỉ, và xem DNS, tường lửa và http.proxy có cho máy này truy cập nơi đó không.",
    "Check that each sink can be written.": "Hãy kiểm tra xem mọi nơi ghi nhật ký có ghi được không.",
    "Check http.ca_file, and the certificate over there.": "Hãy kiểm tra http.ca_file và chứng thư của máy chủ bên kia.",
    "Check the address of the database, whether it runs, and the rights there.":
        "Hãy kiểm tra địa chỉ cơ sở dữ liệu, xem nó có đang chạy không và quyền truy cập ở đó.",
    "Name a path that only officers get an answer from.": "Hãy ghi một đường dẫn chỉ trả lời cho cán bộ.",
    "this machine's clock is {seconds} s off. Set it by NTP": "đồng hồ máy này lệch {seconds} giây. Hãy chỉnh bằng NTP",
}

_SESSIONS = {
    "show live sessions, without names": "hiện các phiên đang mở, không kèm họ tên",
    "only those of a personal number; - reads it from standard input":
        "chỉ các phiên của một số định danh; - đọc số từ đầu vào chuẩn",
    "as JSON lines": "mỗi dòng một đối tượng JSON",
    "end sessions, everywhere within a second": "kết thúc phiên, ở mọi nơi trong vòng một giây",
    "one session": "một phiên",
    "those of a personal number; - reads it from standard input": "các phiên của một số định danh; - đọc số từ đầu vào chuẩn",
    "all of them": "tất cả các phiên",
    "storage does not answer: {reason}": "cơ sở dữ liệu không trả lời: {reason}",
    "--user: there is no personal number; nothing was done": "--user: không có số định danh; chưa làm gì cả",
    "session": "phiên",
    "account": "tài khoản",
    "type": "loại",
    "level": "mức",
    "started (UTC)": "bắt đầu (UTC)",
    "ends (UTC)": "kết thúc (UTC)",
    "1 session ended": "đã kết thúc 1 phiên",
    "{count} sessions ended": "đã kết thúc {count} phiên",
    "there is no session on record like this; see: vneid sessions FILE.ini list":
        "không có phiên nào như vậy; hãy xem: vneid sessions FILE.ini list",
    "ended, but the audit record could not be written: {reason}": "đã kết thúc, nhưng không ghi được nhật ký: {reason}",
}

_OUTBOX = {
    "deliver changes of documents, and clean up": "gửi các thay đổi giấy tờ và dọn dữ liệu hết hạn",
    "stop after one round": "dừng sau một lượt",
    "stop when nothing is due": "dừng khi không còn gì đến hạn gửi",
    "write what it is at into this file every few seconds; one that grows old tells that it hangs":
        "ghi tình trạng vào tệp này vài giây một lần; tệp để lâu không được ghi lại cho biết tiến trình bị treo",
    "write its numbers into this file, for the textfile collector of Prometheus' node_exporter":
        "ghi các số đo vào tệp này, cho textfile collector của node_exporter (Prometheus)",
    "{time} left": "còn {time}",
    "documents.transport is not set: nothing is delivered, only cleaned up":
        "chưa đặt documents.transport: chỉ dọn dữ liệu hết hạn, không gửi gì",
    "see what waits to be delivered, and handle what can't be":
        "xem các thay đổi chờ gửi và xử lý những thay đổi không gửi được",
    "take documents into the outbox": "đưa giấy tờ vào hàng đợi gửi",
    "show changes that are not settled, never their content": "hiện các thay đổi chưa xong, không bao giờ hiện nội dung",
    "only those in this state": "chỉ các thay đổi ở trạng thái này",
    "show all that is known of one change but its content": "hiện mọi thông tin về một thay đổi, trừ nội dung",
    "one change": "một thay đổi",
    "also which document it is about, the personal number but for its end; the audit keeps who asked":
        "kèm theo đó là giấy tờ nào, số định danh chỉ hiện phần cuối; nhật ký kiểm tra ghi lại ai đã xem",
    "the document was erased: nothing says any more which one it was":
        "giấy tờ đã bị xóa dữ liệu: không còn gì cho biết đó là giấy tờ nào",
    "the audit can't be written, so the document is not shown: {reason}":
        "không ghi được nhật ký kiểm tra nên không hiện giấy tờ: {reason}",
    "the document can't be told: {reason}": "không đọc được đó là giấy tờ nào: {reason}",
    "let dead letters be tried again, or one change that waits for its next attempt":
        "cho gửi lại các thay đổi không gửi được, hoặc gửi ngay một thay đổi đang chờ lần gửi tiếp theo",
    "give dead letters up; what waits behind them goes on":
        "bỏ các thay đổi không gửi được; những thay đổi chờ phía sau được gửi tiếp",
    "also a change that is no dead letter and would still be sent": "kể cả một thay đổi vẫn còn được gửi",
    "this change is no dead letter ({state}) and would still be sent. To give it up all the same, add --yes":
        "thay đổi này vẫn còn được gửi ({state}). Nếu vẫn muốn bỏ, hãy thêm --yes",
    "this change waits for an older one of its document, {change} ({state}): see to that one":
        "thay đổi này chờ một thay đổi cũ hơn của cùng giấy tờ, {change} ({state}): hãy xử lý thay đổi đó trước",
    "all dead letters": "tất cả các thay đổi không gửi được",
    "announce anew what a restored backup or the receiver shows to be missing":
        "đưa lại vào hàng đợi những gì bị thiếu sau khi phục hồi bản sao lưu, hoặc bên nhận còn thiếu",
    "open a paused channel": "mở lại kênh gửi đang tạm dừng",
    "the channel is paused: {reason}. Open it with: vneid outbox FILE.ini resume":
        "kênh gửi đang tạm dừng: {reason}. Hãy mở lại bằng: vneid outbox FILE.ini resume",
    "how many at most, the oldest first (default: %(default)s)": "tối đa bao nhiêu, cũ nhất trước (mặc định: %(default)s)",
    "expected a number from 1 to 1000000": "phải là số từ 1 đến 1000000",
    "only the oldest {count} are listed, and there are more; --limit N shows more of them":
        "chỉ liệt kê {count} thay đổi cũ nhất, vẫn còn nữa; dùng --limit N để xem thêm",
    "{count} or more": "từ {count} trở lên",
    "not settled: {counts}": "chưa xong: {counts}",
    "the oldest came in {time} ago": "thay đổi cũ nhất đã vào hàng đợi được {time}",
    "{days} d {clock}": "{days} ngày {clock}",
    "change_id": "mã thay đổi",
    "action": "thao tác",
    "submitter": "bên báo thay đổi",
    "created_at": "vào hàng đợi (UTC)",
    "next_at": "lần gửi tới (UTC)",
    "message_hash": "mã băm của thông điệp",
    "change": "thay đổi",
    "kind": "loại",
    "version": "phiên bản",
    "attempts": "số lần",
    "reason": "lý do",
    "there is no change like this that can be handled; see: vneid outbox FILE.ini list":
        "không có thay đổi nào như vậy để xử lý; hãy xem: vneid outbox FILE.ini list",
    "1 is not sent again: a newer version was delivered": "1 thay đổi không gửi lại: phiên bản mới hơn đã được gửi",
    "{count} are not sent again: a newer version was delivered": "{count} thay đổi không gửi lại: phiên bản mới hơn đã được gửi",
    "1 change will be tried again": "1 thay đổi sẽ được gửi lại",
    "{count} changes will be tried again": "{count} thay đổi sẽ được gửi lại",
    "1 change was given up": "đã bỏ 1 thay đổi",
    "{count} changes were given up": "đã bỏ {count} thay đổi",
    "the channel is open": "kênh gửi đã mở",
    "the channel was not paused": "kênh gửi không bị tạm dừng",
    "every document, under a version that was given to none: after a backup was restored":
        "mọi giấy tờ, với phiên bản chưa từng dùng: sau khi phục hồi bản sao lưu",
    "1 document was announced anew": "đã đưa lại 1 giấy tờ vào hàng đợi",
    "{count} documents have a newer change on its way: run this again when it has arrived":
        "{count} giấy tờ còn thay đổi mới hơn đang được gửi: hãy chạy lại lệnh này khi đã gửi xong",
    "{count} documents were announced anew": "đã đưa lại {count} giấy tờ vào hàng đợi",
    "a document can't be announced anew: {reason}": "không đưa lại được một giấy tờ: {reason}",
    "take all documents of a kind into the outbox; started again, it goes on":
        "đưa mọi giấy tờ của một loại vào hàng đợi; chạy lại thì tiếp tục từ chỗ đã dừng",
    "the kind of document, as in documents.KIND.changes": "loại giấy tờ, như trong documents.KIND.changes",
    "changes a second (default: %(default)s)": "số thay đổi mỗi giây (mặc định: %(default)s)",
    "also what was taken before, under a name of yours for this run":
        "kể cả những gì đã đưa vào trước đây, dưới một tên bạn đặt cho lần chạy này",
    "documents.{kind}.changes is not set: there is no SELECT to read from":
        "chưa đặt documents.{kind}.changes: không có câu SELECT để đọc",
    "--rate must be at least 1, and --again a name of letters, digits and hyphens":
        "--rate phải từ 1 trở lên, và --again là một tên gồm chữ, số và dấu gạch nối",
    "{count} changes taken in": "đã đưa vào {count} thay đổi",
    "a worker or another backfill is reading documents.{kind}.changes now: this one goes on when it is done, and "
    "{minutes} minutes after one that was killed":
        "một worker hoặc một lệnh backfill khác đang đọc documents.{kind}.changes: lệnh này sẽ tiếp tục khi bên kia xong, "
        "hoặc {minutes} phút sau khi bên kia bị dừng đột ngột",
    "stopped: {reason}. Started again, it goes on from there.": "đã dừng: {reason}. Chạy lại thì tiếp tục từ chỗ đó.",
    "{delivered} delivered, {retry} to try again, {dead} dead letters":
        "đã gửi {delivered}, sẽ gửi lại {retry}, không gửi được {dead}",
}

_RIGHTS = {
    "print all that is kept about a person, as JSON": "in mọi dữ liệu đang lưu về một người, dạng JSON",
    "erase what is kept about a person": "xóa dữ liệu đang lưu về một người",
    "the personal number; - reads it from standard input, so that it stands in no shell history":
        "số định danh; - đọc số từ đầu vào chuẩn, để số không nằm trong lịch sử lệnh",
    "a personal number has 12 digits; nothing was done": "số định danh gồm 12 chữ số; chưa làm gì cả",
    "there is no personal number; nothing was done": "không có số định danh; chưa làm gì cả",
    "don't ask; without a terminal nothing is asked": "không hỏi lại; khi không có màn hình nhập lệnh thì không hỏi",
    "nothing was done": "chưa làm gì cả",
    "Everything that is kept about {number} will be erased for good. Type yes to go on:":
        "Mọi dữ liệu đang lưu về {number} sẽ bị xóa vĩnh viễn. Hãy gõ yes để tiếp tục:",
    "the audit can't be written, so nothing was done: {reason}": "không ghi được nhật ký nên chưa làm gì cả: {reason}",
    "the audit can't be written, so nothing is given out: {reason}": "không ghi được nhật ký nên không xuất dữ liệu: {reason}",
    "{part}: something is left: {reason}": "{part}: còn dữ liệu chưa xóa: {reason}",
    "{part}: can't be read: {reason}": "{part}: không đọc được: {reason}",
    "not everything could be erased. The command may be run again.": "chưa xóa được hết. Có thể chạy lại lệnh này.",
    "the database's log still holds older pages, since somebody reads them":
        "nhật ký ghi trước của cơ sở dữ liệu còn giữ các trang cũ vì đang có người đọc",
    "erased:": "đã xóa:",
    "kept:": "giữ lại:",
}

ARGPARSE = {
    "usage: ": "cách dùng: ",
    "positional arguments": "đối số theo vị trí",
    "options": "tùy chọn",
    "show this help message and exit": "hiện phần trợ giúp này rồi thoát",
    "%(prog)s: error: %(message)s\n": "%(prog)s: lỗi: %(message)s\n",
    "argument %(argument_name)s: %(message)s": "đối số %(argument_name)s: %(message)s",
    "the following arguments are required: %s": "thiếu các đối số: %s",
    "one of the arguments %s is required": "cần một trong các đối số: %s",
    "not allowed with argument %s": "không dùng cùng với %s được",
    "unrecognized arguments: %s": "không nhận ra đối số: %s",
    "ambiguous option: %(option)s could match %(matches)s": "tùy chọn chưa rõ: %(option)s có thể là %(matches)s",
    "ignored explicit argument %r": "tùy chọn này không nhận giá trị %r",
    "invalid choice: %(value)r (choose from %(choices)s)": "lựa chọn không hợp lệ: %(value)r (hãy chọn trong %(choices)s)",
    "invalid %(type)s value: %(value)r": "giá trị kiểu %(type)s không hợp lệ: %(value)r",
    "expected one argument": "cần một giá trị",
    "expected at most one argument": "cần nhiều nhất một giá trị",
    "expected at least one argument": "cần ít nhất một giá trị",
    "expected %s argument": "cần %s giá trị",
    "expected %s arguments": "cần %s giá trị",
}
"""What Python's argparse says to whoever types; its words for programmers stay as they are."""

WORDS = {**_COMMANDS, **_FILES, **_INIT_KEYS_AND_PLUGINS, **_SERVING, **_CHECK, **_SESSIONS, **_OUTBOX, **_RIGHTS, **ARGPARSE}
