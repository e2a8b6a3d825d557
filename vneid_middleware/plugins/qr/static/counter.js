// The counter: scan, wait, show, forget. Whatever is known of a citizen is in this page's memory and on its screen only.

import { Camera } from "./camera.js";
import { Citizens } from "./citizen.js";
import { Client } from "./client.js";
import { copied } from "./clipboard.js";
import { HandOver } from "./handover.js";
import { Scanner } from "./scanner.js";
import * as screen from "./screen.js";

const { at, offer, say, settings, words } = screen;

const LIFE = 60; // seconds that VNeID's code lives
const IDLE = 120; // seconds after which a citizen's data leave the screen
const TWICE = 3000; // milliseconds in which the same code again is a scanner that fired twice
const TRIES = 30; // questions in a row without an answer before waiting is given up
const UNANSWERED = ["upstream_unavailable", "invalid_response"];
const TONES = { ok: "good", pending: "wait", card_qr: "unproven", invalid_qr: "bad", expired_qr: "bad", consent_denied: "bad",
  consent_timeout: "bad", invalid_response: "bad", upstream_unavailable: "bad" };

const now = () => Date.now();

const client = new Client();
const handOver = new HandOver();
const camera = new Camera(at("video"));
const citizens = new Citizens(at("citizen"), say, copy);
const scanner = new Scanner(at("code"), scanned, isOn => { at("caps").hidden = !isOn; });

let current = null; // the lookup under way: {id, timer}
let last = { code: "", at: 0 }; // what was scanned last
let held = null; // the code that may have to be sent again: {code, at}
let allowedAt = 0; // when the server takes questions again
let touched = now();

// -- the screen -------------------------------------------------------------------------------------------------------

function tell(code, tone = "", details = {}) {
  citizens.clear();
  screen.tell(code, tone, details);
}

function ready(note = "") {
  tell("counter.ready");
  at("told").textContent = note;
  offer({ manual: true });
}

// Seconds that the code in hand lives at most: the citizen may have made it a while before the scan.
const left = () => held ? Math.max(0, LIFE - Math.floor((now() - held.at) / 1000)) : 0;

function tick() {
  const seconds = left(), waits = Math.ceil((allowedAt - now()) / 1000), isWaiting = current !== null;
  at("life").hidden = !held || at("desk").hidden;
  at("seconds").textContent = seconds ? say("counter.seconds", { n: seconds }) : say("counter.code_over");
  at("left").value = seconds;
  at("left").hidden = !seconds;
  at("retry").disabled = !seconds || waits > 0;
  at("retry").textContent = waits > 0 && seconds ? say("counter.retry_in", { n: waits }) : say("counter.retry");
  if (held && !seconds && !isWaiting) held.code = "";
  if (!citizens.isEmpty && now() - touched >= IDLE * 1000) {
    forget();
    ready(say("counter.blanked"));
  }
}

// -- lookups ----------------------------------------------------------------------------------------------------------

function scanned(code) {
  touched = now();
  stopCamera();
  // asked anew, the lookup under way would be ended, and the code with it
  if (code === last.code && (current || now() - last.at < TWICE)) return;
  forget();
  held = { code, at: now() };
  last = { ...held };
  lookUp();
}

const context = () => Object.fromEntries([...at("context").elements].filter(input => input.name)
  .map(input => [input.name, input.value.trim()]).filter(([, value]) => value));

function missing(name, alarm = "") {
  tell("counter.missing", "unproven", { values: { field: say(`counter.${name}`) }, alarm });
  if (at("more")?.contains(at(name))) at("more").open = true;
  at(name).focus();
}

async function lookUp() {
  const lacking = settings.required.find(name => at(name) && !at(name).value.trim());
  if (lacking) return missing(lacking);
  const lookup = current = { id: "", timer: 0, failures: 0 };
  tell("counter.asking", "wait");
  tick();
  const answer = await client.ask({ qrID: held.code, ...context() });
  if (lookup !== current) {
    // the clerk has gone on to the next citizen meanwhile
    if (answer.http === 202) client.cancel(answer.id);
    return;
  }
  settle(lookup, answer);
}

function settle(lookup, answer) {
  if (answer.http === 202) {
    if (!lookup.id) {
      lookup.id = answer.id;
      tell("lookup.pending", "wait");
    }
    lookup.failures = 0;
    at("told").textContent = "";
    return wait(lookup, answer.after);
  }
  const isUnanswered = !answer.http || answer.http === 429 || (answer.http === 503 && answer.body.error);
  if (lookup.id && isUnanswered && lookup.failures < TRIES) {
    lookup.failures += 1;
    at("told").textContent = say("counter.slow");
    return wait(lookup, Math.max(2, answer.after));
  }
  current = null;
  if (answer.http && answer.body.status) ended(answer.body);
  else refused(answer);
  tick();
  screen.bringUp();
}

function wait(lookup, seconds) {
  lookup.timer = setTimeout(async () => {
    const answer = await client.look(lookup.id);
    if (lookup === current) settle(lookup, answer);
  }, seconds * 1000);
}

function ended(body) {
  const { status } = body, reference = UNANSWERED.includes(status) ? body.correlation_id : "";
  touched = now();
  tell(body.hint ? `counter.${body.hint}` : `lookup.${status}`, TONES[status], { reference });
  if (status === "ok") citizens.show(body.data, body.warnings ?? []);
  if (status === "card_qr") citizens.type(body.prefill ?? {}, "card");
  const canRetry = status === "upstream_unavailable";
  if (!canRetry) held = null;
  offer({ retry: canRetry, manual: (body.fallback && status !== "card_qr") || UNANSWERED.includes(status) });
  scanner.focus();
}

function refused(answer) {
  const { error, field, message, correlation_id: reference } = answer.body;
  if (answer.http === 401 || answer.http === 403) return gate(answer);
  if (error === "lookup_malformed" && field && at(field)) return missing(field, message);
  const canRetry = !answer.http || answer.http === 429 || answer.http >= 500;
  if (answer.http === 429) allowedAt = now() + answer.after * 1000;
  if (!canRetry) held = null;
  if (!answer.http) tell("counter.offline", "bad");
  else tell(words(error)[0] ? error : "lookup_stopped", "bad", { reference });
  offer({ retry: canRetry, manual: true });
  scanner.focus();
}

// Take the citizen off the screen and out of the memory; a lookup that waits is ended.
function forget() {
  if (current) {
    clearTimeout(current.timer);
    if (current.id) client.cancel(current.id);
  }
  current = held = null;
  last = { code: "", at: 0 };
  allowedAt = 0;
  scanner.clear();
  citizens.clear();
  tick();
}

function next() {
  stopCamera();
  forget();
  if (at("dossier")) at("dossier").value = "";
  touched = now();
  ready();
  scanner.focus();
}

// -- who is there -----------------------------------------------------------------------------------------------------

// Close the counter until a key is typed or somebody signs in; a code that was scanned waits behind it.
function gate(answer = null) {
  const asksKey = answer ? answer.asksKey : settings.asksKey, wasKeyed = Boolean(client.key);
  client.key = "";
  citizens.clear();
  at("state").hidden = at("desk").hidden = true;
  at("gate").hidden = false;
  at("gate-key").hidden = !asksKey;
  at("gate-sign-in").hidden = asksKey;
  at("gate-words").textContent = !answer ? "" : asksKey ? (wasKeyed ? say("counter.key_wrong") : "") : answer.body.message ?? "";
  at("key").value = "";
  if (asksKey) at("key").focus();
}

async function open() {
  const answer = await client.operator();
  if (answer.http === 401 || answer.http === 403) return gate(answer);
  at("gate").hidden = true;
  at("desk").hidden = false;
  if (held && left()) lookUp();
  else if (!answer.http) {
    tell("counter.offline", "bad");
  } else {
    ready();
    scanner.focus();
  }
}

async function keyed() {
  const key = at("key").value.trim();
  at("key").value = "";
  if (!key) return;
  client.key = key;
  // what no header can carry is no key
  if (/^[\x21-\x7e]+$/.test(key)) await open();
  else gate({ http: 401, asksKey: true, body: {} });
}

// -- what the clerk does with a citizen -------------------------------------------------------------------------------

async function copy(text) {
  at("told").textContent = say(await copied(text) ? "counter.copied" : "counter.copy_failed");
  scanner.focus();
}

function copyAll() {
  const person = citizens.read();
  if (person) copy(citizens.lines(person));
}

async function handOn() {
  const person = citizens.read();
  if (!person) return;
  at("told").textContent = say("counter.handed_over");
  const isReceived = await handOver.send(person, context());
  if (!citizens.isEmpty) at("told").textContent = say(isReceived ? "counter.received" : "counter.not_received");
}

function typeIn() {
  tell("counter.manual", "unproven");
  held = null;
  tick();
  citizens.type({}, "manual");
  citizens.first.focus();
}

// -- the camera -------------------------------------------------------------------------------------------------------

function stopCamera() {
  camera.stop();
  at("picture").hidden = true;
  at("camera-problem").textContent = "";
  at("camera").firstChild.data = `${say("counter.camera")} `;
}

async function toggleCamera() {
  if (!at("picture").hidden) return stopCamera();
  stopCamera();
  at("picture").hidden = false;
  at("camera").firstChild.data = `${say("counter.camera_off")} `;
  try {
    const code = await camera.read();
    if (code) scanned(code);
  } catch (error) {
    stopCamera();
    const word = { NotAllowedError: "refused", NotFoundError: "missing", OverconstrainedError: "missing", SecurityError: "insecure" };
    at("camera-problem").textContent = say(`counter.camera_${word[error.name] ?? "broken"}`);
  }
}

// -- the clerk's hands ------------------------------------------------------------------------------------------------

const KEYS = { F2: next, F4: toggleCamera, F8: copyAll, F9: handOn };
const CLICKS = { next, camera: toggleCamera, retry: () => held?.code && lookUp(), manual: typeIn, "hand-over": handOn, "copy-all": copyAll,
  "check-again": open };

document.addEventListener("keydown", event => {
  touched = now();
  if (at("desk").hidden || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const isTyping = event.target.matches("input:not(#code), select");
  // Escape in a field that a clerk types in leads out of it, and loses nothing
  const action = event.key === "Escape" ? (isTyping ? () => scanner.field.focus() : next) : KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  if (!event.repeat) action();
});
document.addEventListener("click", event => {
  touched = now();
  const button = event.target.closest("button");
  CLICKS[button?.id]?.();
  // a mouse is done with its click; a keyboard stays where it is
  const isDone = event.detail > 0 && !event.target.closest("input, select, label, summary, dl, video") && !at("desk").hidden;
  if (isDone && button?.id !== "manual" && !getSelection().toString()) scanner.focus();
});
at("scan").addEventListener("submit", event => { event.preventDefault(); scanner.finish(); });
at("gate").addEventListener("submit", event => { event.preventDefault(); keyed(); });
at("context").addEventListener("submit", event => event.preventDefault());
at("context").addEventListener("keydown", event => {
  if (event.key !== "Enter" || event.isComposing || !event.target.matches("input")) return;
  event.preventDefault();
  if (held?.code && !current) lookUp();
  else scanner.focus();
});
window.addEventListener("focus", () => document.activeElement === document.body && at("gate").hidden && scanner.focus());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  tick();
  if (!at("gate").hidden && !at("gate-sign-in").hidden) open();
});
// what the back button may bring back is an empty counter
window.addEventListener("pagehide", () => {
  stopCamera();
  forget();
  client.key = "";
  for (const input of document.querySelectorAll("input")) input.value = "";
  at("state").hidden = true;
});
window.addEventListener("pageshow", event => event.persisted && begin());

function begin() {
  at("counter").hidden = false;
  if (settings.asksKey) gate();
  else open();
}

setInterval(tick, 250);
begin();
