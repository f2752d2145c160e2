// The live page: keeps the state of the shows from the event stream and draws it. Whatever comes from outside is set as text, never as HTML.
"use strict";

const WORDS = {
  zh: {
    title: "山货直播", other: "English", live: "直播中", connecting: "连接中…", nothing: "现在没有直播，开播后会自动显示。",
    onScreen: "正在讲解", slot: (n) => `第 ${n} 档`, left: (t) => `直播价剩余 ${t}`, over: "直播价已结束", soldOut: "已售罄", waitlist: "已售罄，可在下单处候补",
    counts: (o, u, all) => `${o} 笔订单 · 已售 ${u} / ${all}`, sold: (u) => `售 ${u}`, ended: "直播已结束", waiting: "即将开始",
  },
  en: {
    title: "Shanhuo live", other: "中文", live: "live", connecting: "connecting…", nothing: "Nothing is live now. This page wakes up by itself.",
    onScreen: "On screen now", slot: (n) => `Slot ${n}`, left: (t) => `live price for ${t}`, over: "live price is over", soldOut: "Sold out", waitlist: "Sold out: join the waitlist where you buy",
    counts: (o, u, all) => `${o} orders · ${u} of ${all} sold`, sold: (u) => `${u} sold`, ended: "The show has ended", waiting: "About to begin",
  },
};
const shows = new Map();
const cards = new Map();
let language = navigator.language.startsWith("zh") ? "zh" : "en";
let link = "connecting";
let heard = false; // whether the state of the shows has come yet
let ahead = 0; // server clock minus ours, in milliseconds

const byId = (id) => document.getElementById(id);
const number = (n) => n.toLocaleString(language === "zh" ? "zh-CN" : "en");
const yuan = (fen) => `¥${(fen / 100).toFixed(2)}`;
const nameOf = (item) => (language === "zh" ? item.name_zh : item.name_en);

function showOf(id) {
  if (!shows.has(id)) shows.set(id, { show_id: id, programme: "", channels: [], on_screen: null, slots: {} });
  return shows.get(id);
}

function slotOf(told) {
  const slots = showOf(told.show_id).slots;
  slots[told.slot] ??= { slot: told.slot, item: null, orders: 0, units: 0, closed: null };
  return slots[told.slot];
}

const LEARN = {
  snapshot(told) {
    shows.clear();
    heard = true;
    ahead = Date.parse(told.now) - Date.now();
    for (const show of told.shows) shows.set(show.show_id, show);
  },
  reset(told) { LEARN.snapshot(told); },
  "stream.started"(told) { Object.assign(showOf(told.show_id), told, { ended_at: null }); },
  "item.featured"(told) { slotOf(told).item = told; showOf(told.show_id).on_screen = told.slot; },
  "stream.ended"(told) { showOf(told.show_id).ended_at = told.ended_at; },
  "allotment.closed"(told) { slotOf(told).closed = told; },
  tick(told) { Object.assign(slotOf(told), { orders: told.orders, units: told.units }); },
};

function listen() {
  const wanted = new URLSearchParams(location.search).get("show_id");
  const events = new EventSource("/live/events" + (wanted ? `?show_id=${encodeURIComponent(wanted)}` : ""));
  events.onopen = () => { link = "live"; draw(); };
  events.onerror = () => {
    link = "connecting";
    draw();
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 3000); // refused for the moment: the browser gives up, we do not
  };
  for (const [name, learn] of Object.entries(LEARN)) {
    events.addEventListener(name, (event) => { learn(JSON.parse(event.data)); draw(); });
  }
}

function card(id) {
  if (!cards.has(id)) {
    const made = byId("show").content.cloneNode(true).querySelector("article");
    byId("shows").append(made);
    cards.set(id, made);
  }
  return cards.get(id);
}

function text(root, selector, value) {
  const found = root.querySelector(selector);
  if (found.textContent !== value) found.textContent = value;
}

function drawShow(show) {
  const words = WORDS[language], root = card(show.show_id);
  const slot = show.slots[show.on_screen], item = slot?.item;
  root.classList.toggle("ended", Boolean(show.ended_at));
  text(root, ".programme", show.programme);
  text(root, ".channels", show.ended_at ? words.ended : (show.channels ?? []).join(" · "));
  text(root, ".badge", item ? `${words.onScreen} · ${words.slot(slot.slot)}` : words.waiting);
  text(root, ".name", item ? nameOf(item) : "");
  text(root, ".origin", item ? (language === "zh" ? item.name_en : item.name_zh) : "");
  text(root, ".live-price", item ? yuan(item.live_price_fen) : "");
  text(root, ".price", item ? yuan(item.price_fen) : "");
  text(root, ".countdown time", item ? countdown(slot) : "");
  text(root, ".counts", item ? words.counts(number(slot.orders), number(sold(slot)), number(item.offered)) : "");
  const share = item ? Math.min(100, Math.round((100 * sold(slot)) / item.offered)) : 0;
  root.querySelector(".bar").setAttribute("aria-valuenow", share);
  root.querySelector(".bar i").style.width = `${share}%`;
  drawSlots(root.querySelector(".slots"), show);
}

const sold = (slot) => slot.closed?.sold ?? slot.units;

function countdown(slot) {
  const words = WORDS[language];
  if (slot.closed?.sold_out) return words.soldOut;
  const seconds = Math.floor((Date.parse(slot.item.closes_at) - Date.now() - ahead) / 1000);
  if (seconds <= 0) return words.over;
  if (!slot.closed && sold(slot) >= slot.item.offered) return words.waitlist;
  return words.left(`${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
}

function drawSlots(list, show) {
  const words = WORDS[language];
  const rows = Object.values(show.slots).filter((slot) => slot.item && (show.ended_at || slot.slot !== show.on_screen));
  list.replaceChildren(...rows.map((slot) => {
    const row = document.createElement("li"), name = document.createElement("span"), count = document.createElement("span");
    name.textContent = `${slot.slot}. ${nameOf(slot.item)}`;
    count.textContent = slot.closed?.sold_out ? `${words.soldOut} · ${number(sold(slot))}` : words.sold(number(sold(slot)));
    row.append(name, count);
    return row;
  }));
}

function draw() {
  const words = WORDS[language];
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  text(document, "[data-text=title]", words.title);
  text(document, "#language", words.other);
  text(document, "#link", words[link]);
  byId("link").dataset.state = link;
  for (const [id, root] of cards) if (!shows.has(id)) { root.remove(); cards.delete(id); }
  const known = [...shows.values()].filter((show) => show.programme);
  known.forEach(drawShow);
  drawNothing(heard && known.length === 0);
}

function drawNothing(empty) {
  const found = document.querySelector(".nothing");
  if (!empty) return found?.remove();
  const said = found ?? byId("shows").appendChild(Object.assign(document.createElement("p"), { className: "nothing quiet" }));
  said.textContent = WORDS[language].nothing;
}

byId("language").addEventListener("click", () => { language = language === "zh" ? "en" : "zh"; draw(); });
setInterval(() => { for (const show of shows.values()) if (show.programme && !show.ended_at) drawShow(show); }, 500);
draw();
listen();
