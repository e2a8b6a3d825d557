// A citizen on the screen: what VNeID has verified, or what a card says and a clerk types.

const NUMBER = /^\d{12}$/;
const DATE = /^(?:(?:(\d{1,2})[/.-])?(\d{1,2})[/.-])?(\d{4})$/;
const WARNING_OF = { gender_disagrees: "gioiTinh", birth_year_disagrees: "ngayThangNamSinh" };
const FIELDS = ["soDinhDanh", "hoVaTen", "ngayThangNamSinh", "gioiTinh", "noiThuongTru"];

export const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

/** YYYY, YYYYMM or YYYYMMDD as people here write it; what is missing stays missing. */
export const shownDate = digits => [digits.slice(6, 8), digits.slice(4, 6), digits.slice(0, 4)].filter(Boolean).join("/");

/** The other way round; "" where nothing is there, null where it is no date. */
export const readDate = text => {
  if (!text.trim()) return "";
  const parts = DATE.exec(text.trim());
  if (!parts) return null;
  const [, day, month, year] = parts.map(part => part && Number(part));
  const made = new Date(Date.UTC(year, (month ?? 1) - 1, day ?? 1));
  if (year < 1800 || year > 2200 || made.getUTCMonth() !== (month ?? 1) - 1 || made.getUTCDate() !== (day ?? 1)) return null;
  return [String(year), month && String(month).padStart(2, "0"), day && String(day).padStart(2, "0")].filter(Boolean).join("");
};

// The guide's five first, then what an agency agreed on beyond them.
const inOrder = data => [...FIELDS, ...Object.keys(data).filter(name => !FIELDS.includes(name))]
  .filter(name => name in data).map(name => [name, data[name]]);

export class Citizens {
  #say;
  #copy;

  /** `say(word, values)` gives words, `copy(text)` copies. */
  constructor(place, say, copy) {
    this.place = place;
    this.#say = say;
    this.#copy = copy;
    this.read = () => null;
  }

  /** Nothing of anybody is on the screen any more. */
  clear() {
    this.place.replaceChildren();
    this.read = () => null;
  }

  get isEmpty() {
    return !this.place.hasChildNodes();
  }

  #shown(name, value) {
    if (name === "gioiTinh") return this.#say(`counter.gender_${value}`);
    return name === "ngayThangNamSinh" ? shownDate(value) : value;
  }

  #label(name) {
    return this.#say(`counter.${name}`) || name;
  }

  /** Show what VNeID has verified. */
  show(data, warnings) {
    const rows = inOrder(data).map(([name, value]) => this.#row(name, this.#shown(name, value), warnings));
    this.place.replaceChildren(make("p", { className: "badge proven", textContent: this.#say("counter.verified") }),
      make("dl", { className: "citizen" }, ...rows), this.#actions());
    this.read = () => ({ verified: true, source: "vneid", data: { ...data }, warnings: [...warnings] });
  }

  #row(name, value, warnings) {
    const found = warnings.filter(warning => (WARNING_OF[warning] ?? "soDinhDanh") === name);
    const copy = make("button", { type: "button", className: "copy", textContent: this.#say("counter.copy") });
    copy.setAttribute("aria-label", `${this.#say("counter.copy")}: ${this.#label(name)}`);
    copy.addEventListener("click", () => this.#copy(value));
    return make("div", {}, make("dt", { textContent: this.#label(name) }), make("dd", { textContent: value, translate: false }), copy,
      ...found.map(warning => make("dd", { className: "warning", textContent: this.#say(`counter.${warning}`) || warning })));
  }

  #actions() {
    const button = (id, word, key) => {
      const made = make("button", { id, type: "button" }, `${this.#say(word)} `, make("kbd", { textContent: key }));
      made.setAttribute("aria-keyshortcuts", key);
      return made;
    };
    const main = button("hand-over", "counter.hand_over", "F9");
    main.className = "button";
    return make("p", { className: "actions" }, main, button("copy-all", "counter.copy_all", "F8"));
  }

  /** Let a card's data be typed in; `prefill` is what a printed code said. */
  type(prefill, source) {
    const inputs = Object.fromEntries(FIELDS.map(name => [name, this.#input(name, prefill[name] ?? "")]));
    const form = make("form", { className: "typed", autocomplete: "off" },
      ...FIELDS.map(name => this.#field(name, inputs[name])));
    form.addEventListener("submit", event => event.preventDefault());
    this.place.replaceChildren(make("div", { className: "about" },
      make("h3", { textContent: this.#say("counter.manual_title") }),
      make("p", { className: "badge unproven", textContent: this.#say("counter.not_verified") })), form, this.#actions());
    this.read = () => this.#typed(form, inputs, source);
    this.first = inputs.soDinhDanh;
  }

  #input(name, value) {
    if (name === "gioiTinh") {
      const options = ["0", "1", "2"].map(digit => new Option(this.#say(`counter.gender_${digit}`), digit, false, digit === value));
      return make("select", { id: `typed-${name}` }, ...options);
    }
    const shown = name === "ngayThangNamSinh" ? shownDate(value) : value;
    return make("input", { id: `typed-${name}`, type: "text", value: shown, autocomplete: "off", spellcheck: false, maxLength: 100,
      inputMode: name === "soDinhDanh" ? "numeric" : "text" });
  }

  #field(name, input) {
    const label = make("label", { htmlFor: input.id, textContent: this.#label(name) });
    const hint = name === "ngayThangNamSinh" ? [make("span", { id: "date-hint", className: "hint", textContent: this.#say("counter.date_hint") })] : [];
    if (hint.length) input.setAttribute("aria-describedby", "date-hint");
    return make("p", { className: name === "noiThuongTru" ? "field whole" : "field" }, label, input, ...hint);
  }

  // Returns null where something is wrong, and the browser shows what.
  #typed(form, inputs, source) {
    const born = readDate(inputs.ngayThangNamSinh.value);
    const wrong = {
      soDinhDanh: NUMBER.test(inputs.soDinhDanh.value.trim()) ? "" : this.#say("counter.number_wrong"),
      hoVaTen: inputs.hoVaTen.value.trim() ? "" : this.#say("counter.name_missing"),
      ngayThangNamSinh: born === null ? this.#say("counter.date_wrong") : "",
    };
    for (const [name, words] of Object.entries(wrong)) {
      inputs[name].setCustomValidity(words);
      inputs[name].oninput = () => inputs[name].setCustomValidity("");
    }
    if (!form.reportValidity()) return null;
    const data = { soDinhDanh: inputs.soDinhDanh.value.trim(), hoVaTen: inputs.hoVaTen.value.trim().normalize("NFC"),
      ngayThangNamSinh: born, gioiTinh: inputs.gioiTinh.value, noiThuongTru: inputs.noiThuongTru.value.trim().normalize("NFC") };
    return { verified: false, source, warnings: [], data: Object.fromEntries(Object.entries(data).filter(([, value]) => value)) };
  }

  /** The citizen as lines of text. */
  lines(person) {
    const mark = person.verified ? [] : [this.#say("counter.not_verified")];
    return [...mark, ...inOrder(person.data).map(([name, value]) => `${this.#label(name)}: ${this.#shown(name, value)}`)].join("\n");
  }
}
