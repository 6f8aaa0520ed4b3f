"use strict";
// The page of a running simulator. It asks the admin API once a second while it is looked at. Everything that comes from a
// request or an account is set as text, never as HTML.

const ROWS = 500; // of the inventory and of the requests
const one = (selector) => document.querySelector(selector);
let requests = []; // the newest first
let last = 0; // number of the newest request
let clouds = [];
let paused = false;

async function call(method, path, body) {
  const answer = await fetch("/_sim/" + path, { method, body: body && JSON.stringify(body) });
  const text = await answer.text();
  const json = text ? JSON.parse(text) : null;
  if (!answer.ok) throw new Error((json && json.error) || "status " + answer.status);
  return json;
}

function row(cells, click) {
  const line = document.createElement("tr");
  for (const cell of cells) {
    const place = document.createElement("td");
    if (cell instanceof Node) place.append(cell);
    else if (cell && cell.text !== undefined) {
      place.textContent = cell.text;
      place.className = cell.name;
    } else place.textContent = cell ?? "";
    line.append(place);
  }
  if (click) line.addEventListener("click", click);
  return line;
}

const number = (text) => ({ text, name: "number" });
const fill = (table, rows) => one(table + " tbody").replaceChildren(...rows);

function button(text, click) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", click);
  return made;
}

const money = (cents, currency) => (cents / 100).toFixed(2) + " " + currency;

function cost(item) {
  if (item.monthly_cents !== null) return money(item.monthly_cents, item.currency);
  return item.bills ? "no price here" : "-";
}

function showInventory(items) {
  if (!differs("inventory", items, clouds)) return;
  const sums = new Map();
  let unknown = 0;
  for (const item of items) {
    if (item.monthly_cents !== null) sums.set(item.currency, (sums.get(item.currency) || 0) + item.monthly_cents);
    else if (item.bills) unknown += 1;
  }
  let text = items.length + " things, " + items.filter((item) => item.kind === "host").length + " hosts";
  for (const [currency, cents] of sums) text += ", " + money(cents, currency);
  if (sums.size) text += " a month";
  if (unknown) text += ", and " + unknown + " that bill what this simulator has no price of";
  if (items.length > ROWS) text += "; the first " + ROWS + " are shown";
  one("#total").textContent = text;
  fill("#inventory", items.slice(0, ROWS).map((item) =>
    row([item.cloud, item.kind, item.name, item.id, item.region, item.plan, item.ip, number(cost(item))])));
  const counts = new Map();
  for (const item of items) counts.set(item.cloud, (counts.get(item.cloud) || 0) + 1);
  fill("#clouds", clouds.map((cloud) => {
    const settings = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = Object.keys(cloud.settings).join(", ");
    const values = document.createElement("pre");
    values.textContent = Object.entries(cloud.settings).map(([name, value]) => name + "=" + value).join("\n");
    settings.append(summary, values);
    settings.open = Boolean(one("#clouds details[data-cloud=" + cloud.id + "]")?.open);
    settings.dataset.cloud = cloud.id;
    const endpoint = document.createElement("code");
    endpoint.textContent = location.origin + cloud.endpoint_path;
    return row([cloud.id, endpoint, number(counts.get(cloud.id) || 0), settings]);
  }));
}

// Whether a part of the page has to be drawn anew: a click on what is replaced meanwhile would be lost.
const drawn = new Map();
function differs(part, ...facts) {
  const text = JSON.stringify(facts);
  if (drawn.get(part) === text) return false;
  drawn.set(part, text);
  return true;
}

async function showAnswer(request) {
  const dialog = one("#answer");
  dialog.querySelector("h2").textContent = request.method + " " + request.path + " -> " + request.status;
  try {
    const answer = await call("GET", "requests/" + request.number);
    dialog.querySelector("pre").textContent = answer.text;
  } catch (error) {
    dialog.querySelector("pre").textContent = error.message;
  }
  dialog.showModal();
}

function showRequests() {
  fill("#requests", requests.map((request) => row([
    request.at.replace("T", " ").slice(0, 19),
    request.cloud,
    request.method + " " + request.path + (request.query ? "?" + request.query : ""),
    { text: request.status || "lost", name: "number" + (request.status && request.status < 400 ? "" : " bad") },
    request.faults.join(", "),
  ], () => showAnswer(request))));
}

function showFaults(faults) {
  if (!differs("faults", faults)) return;
  fill("#faults", faults.map(({ id, applied, fault }) => {
    const { effect: { type, ...numbers }, skip, ...rest } = fault;
    const parts = { ...numbers, ...rest, ...(skip && { skip }) };
    const text = [type, ...Object.entries(parts).map(([name, value]) => name + "=" + value)].join(" ");
    return row([text, number(applied), button("Remove", () => act("DELETE", "faults/" + id))]);
  }));
}

function showClock(clock) {
  paused = clock.paused;
  one("#now").textContent = clock.now.replace("T", " ").slice(0, 19) + " UTC";
  one("#ahead").textContent = (paused ? "stands still, " : "") + Math.round(clock.advanced_ms / 1000) + " s put ahead";
  one("#pause").textContent = paused ? "Go on" : "Pause";
}

async function refresh() {
  try {
    const [inventory, news, faults, clock] = await Promise.all([
      call("GET", "inventory"), call("GET", "requests?after=" + last), call("GET", "faults"), call("GET", "clock"),
    ]);
    if (news.length) {
      last = news[news.length - 1].number;
      requests = news.reverse().concat(requests).slice(0, ROWS);
      showRequests();
    }
    showInventory(inventory);
    showFaults(faults);
    showClock(clock);
    one("#problem").textContent = "";
  } catch (error) {
    one("#problem").textContent = error.message;
  }
}

async function act(method, path, body) {
  try {
    await call(method, path, body);
    await refresh();
  } catch (error) {
    one("#problem").textContent = error.message;
  }
}

function addFault(event) {
  event.preventDefault();
  const form = event.target.elements;
  const field = form.effect.selectedOptions[0].dataset.number;
  const fault = { effect: { type: form.effect.value } };
  if (field) fault.effect[field] = Number(form.number.value);
  for (const name of ["cloud", "method", "path"]) if (form[name].value) fault[name] = form[name].value;
  if (form.times.value) fault.times = Number(form.times.value);
  act("POST", "faults", fault);
}

function chooseEffect() {
  const { effect, number } = one("#add").elements;
  number.disabled = !effect.selectedOptions[0].dataset.number;
  number.value = effect.selectedOptions[0].dataset.default || "";
}

// The second click within three seconds counts.
function reset() {
  const button = one("#reset");
  if (button.dataset.sure) {
    delete button.dataset.sure;
    button.textContent = "Reset everything";
    requests = [];
    showRequests();
    act("POST", "reset");
    return;
  }
  button.dataset.sure = "yes";
  button.textContent = "Really delete everything?";
  setTimeout(() => {
    delete button.dataset.sure;
    button.textContent = "Reset everything";
  }, 3000);
}

async function start() {
  one("#add").addEventListener("submit", addFault);
  one("#add").elements.effect.addEventListener("change", chooseEffect);
  one("#reset").addEventListener("click", reset);
  one("#pause").addEventListener("click", () => act("POST", "clock", { paused: !paused }));
  one("#answer button").addEventListener("click", () => one("#answer").close());
  for (const ahead of document.querySelectorAll("[data-advance]")) {
    ahead.addEventListener("click", () => act("POST", "clock", { advance_ms: Number(ahead.dataset.advance) }));
  }
  try {
    clouds = await call("GET", "clouds");
  } catch (error) {
    one("#problem").textContent = error.message;
  }
  for (const cloud of clouds) one("#add").elements.cloud.add(new Option(cloud.id, cloud.id));
  await refresh();
  setInterval(() => document.hidden || refresh(), 1000);
}

start();
