// Warns two minutes before the session ends, on the portal's own pages. Asking never lengthens the session.
// <script src="/vneid/session.js" defer></script>; see the administrator's guide.
(function () {
  "use strict";
  var WARN = 120, WHILE_WARNING = 15, AFTER_FAILURE = 30, TICK = 5000;
  var script = document.currentScript;
  if (!script || !window.fetch || !Element.prototype.attachShadow) { return; }
  var session = new URL("session?quiet=1", script.src).href;
  var words = {
    vi: {
      idle: ["Phiên đăng nhập sắp kết thúc", "Phiên của bạn sẽ kết thúc {left} vì không có hoạt động. Hãy bấm Tiếp tục để kéo dài " +
        "phiên; trang này và nội dung bạn đang nhập vẫn giữ nguyên.", "Tiếp tục (mở thẻ mới)"],
      limit: ["Phiên đăng nhập sắp kết thúc", "Phiên của bạn sẽ kết thúc {left} vì đã đến thời hạn tối đa và không kéo dài thêm được. " +
        "Hãy lưu lại công việc và đăng nhập lại.", "Đăng nhập lại (mở thẻ mới)"],
      ended: ["Phiên đăng nhập đã kết thúc", "Nếu bạn đang nhập dở, đừng đóng trang này. Hãy đăng nhập lại trong thẻ mới, rồi " +
        "quay lại đây để tiếp tục.", "Đăng nhập lại (mở thẻ mới)"],
      close: "Đóng", minutes: "sau khoảng {n} phút nữa", soon: "sau chưa đầy 1 phút nữa"
    },
    en: {
      idle: ["Your session is about to end", "Your session ends {left} because nothing has happened. Choose Continue to keep it going; " +
        "this page and what you are typing stay as they are.", "Continue (opens a new tab)"],
      limit: ["Your session is about to end", "Your session ends {left} because it has reached its longest time, and it cannot go on. " +
        "Save your work and sign in again.", "Sign in again (opens a new tab)"],
      ended: ["Your session has ended", "If you are filling something in, do not close this page. Sign in again in a new tab, " +
        "then come back here and go on.", "Sign in again (opens a new tab)"],
      close: "Close", minutes: "in about {n} min", soon: "in less than 1 min"
    }
  };
  var style = ":host{all:initial}" +
    ".box{position:fixed;inset:auto 0 0 0;z-index:2147483647;box-sizing:border-box;max-width:34rem;max-height:100vh;overflow:auto;" +
    "margin:0 auto;padding:1.1rem 1.25rem;background:#fff;color:#14202b;border:1px solid #7d1420;border-top:.4rem solid #7d1420;" +
    "box-shadow:0 0 1.5rem rgba(0,0,0,.35);font:1rem/1.5 system-ui,'Segoe UI',Roboto,'Noto Sans',Arial,sans-serif;" +
    "overflow-wrap:anywhere}" +
    ".box:focus{outline:.2rem solid #14202b;outline-offset:-.4rem}" +
    "h2{font-size:1.2rem;line-height:1.3;margin:0 0 .4rem}p{margin:0 0 .9rem}" +
    ".do{display:flex;flex-wrap:wrap;gap:.75rem;align-items:center}" +
    "a,button{box-sizing:border-box;min-height:2.75rem;padding:.55rem 1rem;border-radius:.2rem;font:inherit;cursor:pointer}" +
    "a{display:inline-block;background:#0b6b43;color:#fff;font-weight:700;text-decoration:none;border:.1rem solid transparent}" +
    "button{background:#fff;color:#14202b;border:.1rem solid #14202b}" +
    "a:focus-visible,button:focus-visible{outline:.2rem solid #14202b;background:#ffd84d;color:#14202b}" +
    "@media print{.box{display:none}}";

  var signedIn = false, asking = false, closed = "", shown = "", next = 0, nextSteady = 0, ticker = 0;
  var place = null, box, title, text, link, close, before = null;

  function say() {
    return words[/^en\b/i.test(document.documentElement.lang) ? "en" : "vi"];
  }

  function add(parent, name) {
    return parent.appendChild(document.createElement(name));
  }

  function build() {
    place = document.createElement("div");
    var root = place.attachShadow({ mode: "open" });
    if ("adoptedStyleSheets" in root && window.CSSStyleSheet) {
      // what a content security policy says of inline styles does not concern these
      var sheet = new CSSStyleSheet();
      sheet.replaceSync(style);
      root.adoptedStyleSheets = [sheet];
    }
    box = add(root, "div");
    box.className = "box";
    box.tabIndex = -1;
    box.setAttribute("role", "alertdialog");
    box.setAttribute("aria-labelledby", "title");
    box.setAttribute("aria-describedby", "text");
    title = add(box, "h2");
    title.id = "title";
    text = add(box, "p");
    text.id = "text";
    var actions = add(box, "div");
    actions.className = "do";
    link = add(actions, "a");
    link.target = "_blank";
    link.rel = "noopener";
    close = add(actions, "button");
    close.type = "button";
    close.addEventListener("click", dismiss);
    box.addEventListener("keydown", function (event) {
      if (event.key === "Escape") { event.stopPropagation(); dismiss(); }
    });
  }

  function show(kind, seconds, url) {
    if (closed === kind) { return; }
    var said = say(), minutes = Math.round(seconds / 60);
    var left = minutes < 1 ? said.soon : said.minutes.replace("{n}", minutes);
    if (!place) { build(); }
    box.lang = said === words.en ? "en" : "vi";
    title.textContent = said[kind][0];
    text.textContent = said[kind][1].replace("{left}", left);
    link.textContent = said[kind][2];
    link.href = url;
    close.textContent = said.close;
    if (shown !== kind) {
      if (!shown) {
        before = document.activeElement;
        document.body.appendChild(place);
      }
      shown = kind;
      // the box and not its link: what somebody types at this moment must not press anything
      box.focus();
    }
  }

  function hide() {
    if (!shown) { return; }
    var inside = document.activeElement === place;
    shown = "";
    place.remove();
    if (inside && before && before.isConnected) { before.focus(); }
  }

  function dismiss() {
    closed = shown;
    hide();
  }

  function later(seconds) {
    next = Date.now() + seconds * 1000;
    nextSteady = performance.now() + seconds * 1000;
  }

  function told(answer) {
    if (!answer.authenticated) {
      if (!signedIn) { stop(); return; }
      show("ended", 0, answer.continue_url);
      later(WHILE_WARNING * 4);
      return;
    }
    signedIn = true;
    if (answer.expires_in > WARN) {
      closed = "";
      hide();
      later(answer.expires_in - WARN);
    } else {
      show(answer.extendable ? "idle" : "limit", answer.expires_in, answer.continue_url);
      later(Math.min(WHILE_WARNING, answer.expires_in + 1));
    }
  }

  function ask() {
    if (asking) { return; }
    asking = true;
    later(AFTER_FAILURE);
    fetch(session, { credentials: "same-origin", cache: "no-store", headers: { Accept: "application/json" } })
      .then(function (answer) { return answer.ok ? answer.json() : null; })
      .then(function (answer) { if (answer) { told(answer); } })
      .catch(function () { /* no network: asked again later */ })
      .then(function () { asking = false; });
  }

  // Only differences of the browser's clocks count, so that it does not matter what time they show. Two of them, since one
  // stands still while a laptop sleeps, and somebody may set the other.
  function tick() {
    if (Date.now() >= next || performance.now() >= nextSteady) { ask(); }
  }

  function look() {
    if (!document.hidden) { ask(); }
  }

  function stop() {
    clearInterval(ticker);
    document.removeEventListener("visibilitychange", look);
    window.removeEventListener("focus", look);
    window.removeEventListener("pageshow", look);
  }

  ticker = setInterval(tick, TICK);
  document.addEventListener("visibilitychange", look);
  window.addEventListener("focus", look);
  window.addEventListener("pageshow", look);
  ask();
})();
