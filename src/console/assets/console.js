// Live updates, keys and the composer. Every page works without it.
"use strict";
(() => {
  const body = document.body, who = body.dataset.who;
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
  const scroll = $("#scroll"), text = $("#text"), reply = $("#reply");
  const talk = $(".talk"), conversation = talk?.dataset.conversation ?? $("[data-watch]")?.dataset.watch;
  const title = document.title;

  const scroller = () => scroll && scroll.scrollHeight > scroll.clientHeight + 4 && getComputedStyle(scroll).overflowY !== "visible" ? scroll : document.scrollingElement;
  // Where the end is: on a phone the page goes on behind the composer, with the card.
  const end = of => of === document.scrollingElement && talk ? talk.offsetTop + talk.offsetHeight - innerHeight : of.scrollHeight - of.clientHeight;
  const isNearEnd = within => { const of = scroller(); return Math.abs(end(of) - of.scrollTop) < within; };
  const atEnd = () => isNearEnd(80);
  // A picture that comes late makes the page longer.
  scroll?.addEventListener("load", event => { if (isNearEnd(event.target.clientHeight + 80)) toEnd(); }, true);
  const toEnd = () => { const of = scroller(); of.scrollTop = end(of); };

  // Fragments: elements with data-live are replaced by those of the same id on a fresh copy of the page.
  const parse = html => new DOMParser().parseFromString(html, "text/html");
  // What plays goes on playing, and pictures do not flicker: elements that are the same stay.
  function replace(mine, fresh) {
    const kept = $$("audio, video, img", mine);
    mine.replaceChildren(...fresh.childNodes);
    for (const each of kept) $$(each.localName, mine).find(other => other.src === each.src && other !== each)?.replaceWith(each);
  }
  const lastRead = () => $("#seen [name=last_message]")?.value ?? "";
  function swap(page, everything) {
    const wasAtEnd = !scroll || atEnd(), writes = text && text.value.trim() !== "";
    for (const mine of $$("[data-live]")) {
      const fresh = page.getElementById(mine.id);
      if (!fresh || fresh.innerHTML === mine.innerHTML) continue;
      if (mine.dataset.live === "idle" && writes && !everything) continue;
      if (mine.contains(document.activeElement) && document.activeElement !== body && mine.id !== "rows" && mine.id !== "tabs") {
        const held = document.activeElement, name = held.name || held.dataset.key;
        replace(mine, fresh);
        if (name) $(`[name="${name}"], [data-key="${name}"]`, mine)?.focus();
      } else {
        const row = document.activeElement?.dataset?.row;
        replace(mine, fresh);
        if (row && mine.id === "rows") $(`[data-row="${row}"]`, mine)?.focus();
      }
      for (const name of fresh.getAttributeNames()) mine.setAttribute(name, fresh.getAttribute(name));
    }
    for (const field of $$("[data-filter]")) if (field.value) sift(field);
    if (scroll && wasAtEnd) toEnd();
    count();
    mark();
    if (writes && !everything) came();
  }

  // How many wait for this person, or for anybody: in the title, in the navigation, and heard when there are more than before.
  const waits = $("#waits");
  let known = null, holdsStream = false;
  function told(mine) {
    document.title = mine > 0 ? `(${mine}) ${title}` : title;
    if (waits) {
      waits.hidden = mine === 0;
      waits.textContent = mine;
      waits.title = mine === 1 ? waits.dataset.one : waits.dataset.many.replace("{count}", mine);
    }
    if (known !== null && mine > known) ring();
    known = mine;
    body.dataset.waits = mine;
  }
  async function count() {
    const list = $("#tabs");
    if (list) { told(Number(list.dataset.mine)); return; }
    if (!waits) return;
    try {
      const answer = await fetch("/console/waiting", { headers: { Accept: "application/json" } });
      if (answer.ok && !answer.redirected) told((await answer.json()).mine);
    } catch { /* the line above says that the connection is gone */ }
  }
  // One tab rings, the one that has the stream. Browsers stay silent until somebody has clicked on the page.
  const sound = $("#sound"), isLoud = () => { try { return localStorage.getItem("palabre.sound") !== "off"; } catch { return true; } };
  let audio = null;
  function ring() {
    if (!holdsStream || !isLoud() || !("AudioContext" in window)) return;
    try {
      audio ??= new AudioContext();
      const gain = audio.createGain(), now = audio.currentTime;
      gain.gain.setValueAtTime(0.08, now);
      gain.gain.exponentialRampToValueAtTime(0.001, now + 0.4);
      gain.connect(audio.destination);
      for (const [pitch, after] of [[660, 0], [880, 0.12]]) {
        const tone = audio.createOscillator();
        tone.frequency.value = pitch;
        tone.connect(gain);
        tone.start(now + after);
        tone.stop(now + after + 0.25);
      }
      body.dataset.rang = Number(body.dataset.rang ?? 0) + 1;
    } catch { /* no sound */ }
  }
  if (sound) {
    sound.hidden = false;
    sound.ariaPressed = String(isLoud());
    sound.addEventListener("click", () => {
      const loud = !isLoud();
      try { localStorage.setItem("palabre.sound", loud ? "on" : "off"); } catch { /* a browser that keeps nothing */ }
      sound.ariaPressed = String(loud);
    });
  }

  // What came since the person began to write: the next send says that they have seen it.
  function came() {
    const note = $("#came"), seen = lastRead();
    if (!note || !reply) return;
    const fresh = $$(".timeline [data-message]").filter(each => each.dataset.message > seen);
    note.hidden = fresh.length === 0;
    if (fresh.length === 0) return;
    note.textContent = fresh.length === 1 ? note.dataset.one : note.dataset.many.replace("{count}", fresh.length);
    $(".send span", reply).textContent = reply.dataset.anyway;
    if (!reply.elements.force) {
      const force = document.createElement("input");
      Object.assign(force, { type: "hidden", name: "force", value: "true" });
      reply.append(force);
    }
  }

  let busy = false, again = false, timer;
  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href.split("#")[0], { headers: { "X-Quiet": document.visibilityState === "visible" ? "" : "1" } });
      if (answer.redirected && new URL(answer.url).pathname === "/console/login") { location.reload(); return; }
      if (answer.ok) { swap(parse(await answer.text()), false); online(); }
    } catch { offline(); } finally {
      busy = false;
      if (again) { again = false; soon(); }
    }
  }
  let counting;
  const recount = () => { clearTimeout(counting); counting = setTimeout(count, 500); };
  const soon = () => { clearTimeout(timer); timer = setTimeout(refresh, 120); };

  // One stream for all tabs: who holds the lock has it, and tells the others.
  const line = $("#connection"), channel = "BroadcastChannel" in window ? new BroadcastChannel("palabre") : null;
  let lostAt = null, polling = null;
  function online() { if (!lostAt && !polling) return; lostAt = null; if (line && !polling) line.hidden = true; }
  function offline() {
    if (!line) return;
    lostAt ??= new Date();
    const time = lostAt.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    line.textContent = body.dataset.offline.replace("{time}", time);
    line.hidden = false;
  }
  function hear(event) {
    if (event.kind === "changed") { if ($("[data-live]") && (document.visibilityState === "visible" || $("#tabs"))) soon(); else if (!$("#tabs")) recount(); }
    else if (event.kind === "presence") colleagues(event.data);
    else if (event.kind === "resync") soon();
    else if (event.kind === "open") { online(); if (event.again) soon(); }
    else if (event.kind === "lost") offline();
  }
  function tell(event) { hear(event); channel?.postMessage(event); }
  function poll() {
    if (polling) return;
    polling = setInterval(refresh, 5000);
    if (line) { line.textContent = body.dataset.polling; line.hidden = false; }
  }
  let last = body.dataset.after, failures = 0;
  function connect(release) {
    let opened = false;
    const source = new EventSource(`/console/events?after=${encodeURIComponent(last)}`);
    source.onopen = () => { failures = 0; if (polling) { clearInterval(polling); polling = null; } tell({ kind: "open", again: opened }); opened = true; };
    source.addEventListener("changed", event => { last = event.lastEventId || last; tell({ kind: "changed", data: JSON.parse(event.data) }); });
    source.addEventListener("presence", event => tell({ kind: "presence", data: JSON.parse(event.data) }));
    source.addEventListener("resync", () => tell({ kind: "resync" }));
    source.onerror = () => {
      if (opened) tell({ kind: "lost" });
      failures += 1;
      if (!opened && failures > 2) poll();
      // A browser that gave up (an answer that is no stream) tries anew.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => connect(release), 1000 + Math.random() * 2000);
    };
  }
  if (who && (waits || $("[data-live]"))) {
    channel?.addEventListener("message", event => hear(event.data));
    if (navigator.locks) navigator.locks.request("palabre-events", () => new Promise(release => { holdsStream = true; connect(release); }));
    else { holdsStream = true; connect(); }
    document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") { if ($("[data-live]")) soon(); else recount(); } });
    setInterval(() => { if (document.visibilityState === "visible") { if ($("[data-live]")) soon(); else recount(); } }, 60000);
    // What goes on by itself tells no event.
    setInterval(() => { if (document.visibilityState === "visible" && $("[data-busy]")) soon(); }, 3000);
  }

  // Colleagues: who else looks, who writes.
  function post(url, fields) {
    return fetch(url, { method: "POST", body: new URLSearchParams({ csrf: body.dataset.csrf, ...fields }), keepalive: true });
  }
  let typedAt = 0, wrote;
  const here = (typing, gone) => { if (talk) post("/console/presence", { conversation, typing, gone }).catch(() => {}); };
  function colleagues(data) {
    const strip = $("#colleagues"), customer = $("#customer");
    if (!strip || data.conversation !== conversation) return;
    if (data.customer) {
      customer.hidden = false;
      clearTimeout(wrote);
      wrote = setTimeout(() => { customer.hidden = true; }, 6000);
      return;
    }
    const others = data.people.filter(each => each.who !== who), typing = others.filter(each => each.is_typing);
    const told = typing.length ? [strip.dataset.typing, typing] : [strip.dataset.looking, others];
    strip.textContent = told[0].replace("{names}", told[1].map(each => each.name).join(", "));
    strip.hidden = others.length === 0;
  }
  if (talk && who) {
    setTimeout(() => here(false, false), 400);
    setInterval(() => { if (document.visibilityState === "visible") here(false, false); }, 20000);
    addEventListener("pagehide", () => here(false, true));
  }

  // Told on this device when somebody waits. A browser that was told and signed in anew says so for the new session.
  const push = $("#push"), toldFor = "palabre.push";
  if (who && "serviceWorker" in navigator && "PushManager" in window) {
    const worker = () => navigator.serviceWorker.register("/console/push.js");
    const remembered = () => { try { return localStorage.getItem(toldFor); } catch { return null; } };
    const remember = value => { try { if (value) localStorage.setItem(toldFor, value); else localStorage.removeItem(toldFor); } catch { /* a browser that keeps nothing */ } };
    const mine = async () => (await (await worker()).pushManager.getSubscription());
    async function begin(subscription) {
      const { endpoint, keys } = subscription.toJSON();
      if (!(await post("/console/push", { endpoint, ...keys })).ok) throw new Error("refused");
      remember(body.dataset.csrf);
    }
    if (remembered() && remembered() !== body.dataset.csrf) mine().then(known => known ? begin(known) : remember(null)).catch(() => {});
    if (push) {
      const button = $("button[type=button]", push), line = $("[role=status]", push);
      const show = on => { button.hidden = false; button.ariaPressed = String(on); button.textContent = on ? push.dataset.off : push.dataset.on; };
      mine().then(known => show(Boolean(known && remembered()))).catch(() => {});
      button.addEventListener("click", async () => {
        button.disabled = true;
        try {
          const known = await mine(), on = button.ariaPressed === "true";
          if (on) {
            await post("/console/push/forget", { endpoint: known?.endpoint ?? "" });
            remember(null);
            await known?.unsubscribe();
          } else if (await Notification.requestPermission() !== "granted") {
            line.textContent = push.dataset.denied;
            return;
          } else {
            await begin(known ?? await (await worker()).pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: push.dataset.key }));
          }
          location.reload();
        } catch { line.textContent = push.dataset.failed; } finally { button.disabled = false; }
      });
    }
  }

  // The composer.
  const canned = $("#canned");
  function suggest() {
    if (!canned) return;
    const word = /^\/(\S*)$/.exec(text.value);
    const fits = $$("button", canned).filter(each => { each.hidden = !(word && $("b", each).textContent.startsWith(`/${word[1].toLowerCase()}`)); each.ariaSelected = "false"; return !each.hidden; });
    canned.hidden = fits.length === 0;
    if (fits[0]) fits[0].ariaSelected = "true";
  }
  function take(of) {
    canned.hidden = true;
    const template = of.dataset.template && $$("form.template")[of.dataset.template];
    if (!template) { text.value = of.dataset.body; text.focus(); return; }
    text.value = "";
    template.closest("details").open = true;
    $("label input, button", template).focus();
  }
  canned?.addEventListener("click", event => { const of = event.target.closest("button"); if (of) take(of); });
  text?.addEventListener("input", () => {
    suggest();
    if (Date.now() - typedAt > 3000 && text.value) {
      typedAt = Date.now();
      if (talk) here(true, false);
      // On the test phone one writes as the customer.
      else if (conversation && who) post("/console/presence", { conversation, customer: true }).catch(() => {});
    }
  });
  text?.addEventListener("keydown", event => {
    if (canned && !canned.hidden && (event.key === "Enter" || event.key === "Tab")) { event.preventDefault(); take($("[aria-selected=true]", canned)); }
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); reply.requestSubmit(); }
    else if (event.key === "Enter" && !event.shiftKey && reply.action.endsWith("/console/sandbox")) { event.preventDefault(); reply.requestSubmit(); }
    else if (event.key === "Escape") { event.stopPropagation(); text.blur(); }
  });
  reply?.addEventListener("submit", async event => {
    event.preventDefault();
    const button = $("button.main", reply);
    button.disabled = true;
    try {
      const answer = await fetch(reply.action, { method: "POST", body: new URLSearchParams(new FormData(reply)) });
      const page = parse(await answer.text()), composer = page.getElementById("composer") ?? page.getElementById("reply");
      if (!composer) { document.documentElement.innerHTML = page.documentElement.innerHTML; return; }
      const fresh = page.getElementById("reply");
      if (answer.redirected) {
        text.value = "";
        history.replaceState(null, "", answer.url.replace(/[?&]done=sent/, "").split("#")[0]);
      }
      for (const old of $$("#composer .stale, #composer .refused:not(#came)")) old.remove();
      for (const of of $$("#composer .stale, #composer .refused:not(#came)", page)) reply.before(of);
      if (fresh) {
        for (const name of ["key", "version", "last_message"]) if (reply.elements[name] && fresh.elements[name]) reply.elements[name].value = fresh.elements[name].value;
        if (!fresh.elements.force) reply.elements.force?.remove();
        else if (!reply.elements.force) reply.append(fresh.elements.force);
        const label = $(".send span", fresh);
        if (label) $(".send span", reply).textContent = label.textContent;
      }
      const note = $("#came");
      if (note) note.hidden = true;
      swap(page, true);
      toEnd();
    } catch {
      let note = $("#unsent");
      if (!note) { note = Object.assign(document.createElement("p"), { id: "unsent", className: "refused" }); note.setAttribute("role", "alert"); reply.before(note); }
      note.textContent = body.dataset.unsent;
    } finally { button.disabled = false; }
  });
  for (const form of $$("form.template")) {
    form.addEventListener("input", () => {
      const values = new FormData(form);
      $(".preview span", form).textContent = form.dataset.preview.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, name) => values.get(`v.${name}`) || whole);
    });
  }

  // Where one is stands in sight, however long the row of places is.
  for (const here of $$(".places [aria-current], .tabs [aria-current]")) {
    const row = here.closest(".places, .tabs");
    row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
  }
  // Lists that are filtered by typing.
  const plain = of => of.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  function sift(field) {
    const words = plain(field.value).split(/\s+/).filter(Boolean);
    for (const each of $$(`#${field.dataset.filter} > li`)) each.hidden = !words.every(word => plain(each.textContent).includes(word));
  }
  for (const field of $$("[data-filter]")) field.addEventListener("input", () => sift(field));
  // A file goes to the server as soon as it is chosen; the form names it.
  const file = $("#attachment");
  if (file && reply) {
    const line = $("#attached"), words = $("span", line), named = reply.elements.file;
    const tell = (text, bad) => { line.hidden = !text; words.textContent = text; line.classList.toggle("bad", Boolean(bad)); };
    const drop = () => { named.value = ""; file.value = ""; text.required = true; };
    file.closest("label").hidden = false;
    $("button", line).addEventListener("click", () => { drop(); tell(""); text.focus(); });
    file.addEventListener("change", async () => {
      const chosen = file.files[0];
      if (!chosen) return;
      named.value = "";
      tell(line.dataset.sending.replace("{name}", chosen.name));
      $(".send", reply).disabled = true;
      try {
        const headers = { "X-CSRF": reply.elements.csrf.value, "Content-Type": chosen.type || "application/octet-stream" };
        const answer = await fetch(`/console/media?name=${encodeURIComponent(chosen.name)}`, { method: "POST", body: chosen, headers });
        const told = await answer.json().catch(() => ({}));
        if (!answer.ok) { drop(); tell(told.error ?? line.dataset.failed, true); }
        else { named.value = told.id; text.required = false; tell(told.name); }
      } catch { drop(); tell(line.dataset.failed, true); } finally { $(".send", reply).disabled = false; }
    });
  }

  // A file is read into the text that its form sends.
  for (const file of $$("input[type=file][data-into]")) {
    file.closest("label").hidden = false;
    file.addEventListener("change", async () => { if (file.files[0]) $(file.dataset.into).value = await file.files[0].text(); });
  }
  // What is to be pasted elsewhere.
  for (const button of $$("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const of = $(button.dataset.copy), said = of.value ?? of.textContent;
      try { await navigator.clipboard.writeText(said); button.textContent = button.dataset.copied; } catch { if (of.select) of.select(); else getSelection().selectAllChildren(of); }
    });
  }
  const zone = $("form[action='/console/tenants/new'] [data-zone]"), own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  // Only where nobody said anything yet.
  if (zone && own?.includes("/") && !zone.form.elements.name.value) zone.value = own;
  // What was typed and not sent outlives a reload; what is secret is not kept.
  for (const form of $$("form[data-keep]")) {
    const key = `palabre.${form.dataset.keep}`, fields = () => [...form.elements].filter(each => each.name && !["hidden", "password"].includes(each.type));
    let kept = null;
    try { kept = JSON.parse(sessionStorage.getItem(key)); } catch { /* a browser that keeps nothing */ }
    const was = () => JSON.stringify(fields().map(each => [each.name, each.defaultValue ?? ""]));
    if (kept && kept.was === was()) for (const each of fields()) {
      const value = kept.values.find(([name]) => name === each.name)?.[1];
      if (value === undefined) continue;
      if (each.type === "radio" || each.type === "checkbox") each.checked = each.value === value; else each.value = value;
    }
    form.addEventListener("input", () => { try { sessionStorage.setItem(key, JSON.stringify({ was: was(), values: [...new FormData(form)].filter(([name]) => fields().some(each => each.name === name)) })); } catch { /* the same */ } });
    form.addEventListener("submit", () => { try { sessionStorage.removeItem(key); } catch { /* the same */ } });
  }
  if (location.hash === "#add") $("#add [name=answer]")?.focus();

  // A booking that is dragged onto a free time: its page asks whether to move it there, and whether to tell the customer.
  let dragged = null;
  // The same with keys: `m` on a booking, Enter on a free time.
  function carry() {
    const slot = document.activeElement?.closest?.("a.slot.confirmed");
    $(".slot.moving")?.classList.remove("moving");
    dragged = slot === dragged ? null : slot;
    dragged?.classList.add("moving");
  }
  function drop(free) { location.href = `${dragged.pathname}${free.search}#move`; }
  document.addEventListener("click", event => {
    const free = event.target.closest?.("a.free");
    if (dragged?.classList.contains("moving") && free) { event.preventDefault(); drop(free); }
  });
  document.addEventListener("dragstart", event => { dragged = event.target.closest?.("a.slot.confirmed") ?? null; });
  document.addEventListener("dragend", () => { dragged = null; });
  document.addEventListener("dragover", event => { if (dragged && event.target.closest?.("a.free")) event.preventDefault(); });
  document.addEventListener("drop", event => {
    const free = event.target.closest?.("a.free");
    if (!dragged || !free) return;
    event.preventDefault();
    drop(free);
  });

  // Keys.
  let at = -1, prefix = false;
  const rows = () => $$("[data-row]");
  function mark() { const all = rows(); all.forEach((row, index) => row.classList.toggle("at", index === at)); }
  function move(by) {
    const all = rows();
    if (!all.length) return;
    if (at < 0) at = all.findIndex(row => row.ariaCurrent === "true");
    at = Math.max(0, Math.min(all.length - 1, at + by));
    mark();
    all[at].focus({ preventScroll: true });
    all[at].scrollIntoView({ block: "nearest" });
  }
  const press = key => { const of = $(`[data-key="${key}"]`); if (!of) return; const more = of.closest("details"); if (more) more.open = true; if (of.tagName === "SELECT") of.focus(); else of.click(); };
  const acts = {
    j: () => move(1), k: () => move(-1), r: () => text?.focus(), n: () => $("#note")?.focus(), "/": () => $("#q")?.focus(),
    t: () => press("t"), h: () => press("h"), a: () => press("a"), e: () => press("e"), s: () => press("s"), m: carry,
    "?": () => $("#keys")?.showModal(),
    Escape: () => { if (body.classList.contains("open")) $(".head .back")?.click(); },
  };
  const places = { i: "/console/conversations", f: "/console/faq", c: "/console/analytics", a: "/console/bookings" };
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, dialog")) return;
    if (prefix) { prefix = false; if (places[event.key]) location.href = places[event.key]; return; }
    if (event.key === "g") { prefix = true; setTimeout(() => { prefix = false; }, 1000); return; }
    const act = acts[event.key];
    if (act) { event.preventDefault(); act(); }
  });

  if (scroll && (location.hash === "#end" || (talk && !location.hash))) toEnd();
  if ($("#told")) setTimeout(() => { $("#told").hidden = true; }, 10000);
  count();
})();
