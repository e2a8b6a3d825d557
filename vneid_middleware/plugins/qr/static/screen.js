// What stands where on the page, and the words that the server sent with it in the reader's language.

export const at = id => document.getElementById(id);
export const settings = JSON.parse(at("counter").dataset.script);
export const words = code => settings.words[code] ?? ["", "", ""];
export const say = (code, values = {}) => words(code)[0].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

// Tell where things stand; `code` names the words, `values` what is put into them, `alarm` says what is wrong beside them.
export function tell(code, tone = "", { values = {}, alarm = "", reference = "" } = {}) {
  const [, happened, todo] = words(code), heading = say(code, values);
  at("state").hidden = false;
  at("state").className = `state ${tone}`;
  at("said").setAttribute("aria-live", tone === "bad" ? "assertive" : "polite");
  at("title").textContent = heading;
  at("happened").textContent = happened;
  at("todo").textContent = todo;
  at("alarm").className = alarm ? "problem" : "";
  at("alarm").textContent = alarm;
  at("told").textContent = "";
  at("reference").hidden = !reference;
  at("reference").querySelector("strong").textContent = reference;
  offer({});
  document.title = `${heading} · ${say("counter.page")}`;
}

export function offer({ retry = false, manual = false }) {
  at("retry").hidden = !retry;
  at("manual").hidden = !manual;
  at("choices").hidden = !retry && !manual;
}

// On a narrow screen what there is to read lies below the field.
export function bringUp() {
  if (at("state").getBoundingClientRect().bottom > innerHeight && innerWidth < 900) at("state").scrollIntoView({ block: "start" });
}
