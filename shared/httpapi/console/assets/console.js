// Keeps the page up to date: asks for it again, and changes in place what is different. Everything works without it.
(() => {
  "use strict";

  const main = document.getElementById("main");
  const stale = document.getElementById("stale");
  if (!main) return;

  // An attribute, since the property of a form may be one of its fields: form.id is the field that is called "id".
  const attribute = (node, name) => (node.nodeType === Node.ELEMENT_NODE && node.getAttribute(name)) || "";

  // --- Forms ---

  // A second click must not send a form twice.
  document.addEventListener("submit", (e) => {
    if (attribute(e.target, "method") !== "post") return;
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    const sure = e.submitter && e.submitter.dataset.confirm;
    if (sure && !window.confirm(sure)) { e.preventDefault(); return; }
    e.target.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((f) => delete f.dataset.sent));

  // Enter in the fields of one action of several sends this action.
  main.addEventListener("keydown", (e) => {
    const drop = e.key === "Enter" && !e.isComposing && e.target.matches("input:not([type=checkbox])") && e.target.closest(".drop");
    const send = drop && drop.querySelector("button");
    if (send) { e.preventDefault(); send.click(); }
  });

  // Escape closes what a button has opened.
  main.addEventListener("keydown", (e) => {
    const open = e.key === "Escape" && e.target.closest("details.act[open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
  });

  // The rows of a list can be ticked all at once, and are counted.
  function ticks() {
    for (const all of main.querySelectorAll("input[data-all]")) {
      const rows = [...main.querySelectorAll('input[name="id"][form="' + all.dataset.all + '"]')];
      const ticked = rows.filter((r) => r.checked).length;
      all.hidden = rows.length === 0;
      all.checked = ticked > 0 && ticked === rows.length;
      all.indeterminate = ticked > 0 && ticked < rows.length;
      const count = main.querySelector('output[data-count="' + all.dataset.all + '"]');
      if (count && count.textContent !== ticked + " ticked") count.textContent = ticked + " ticked";
    }
  }
  main.addEventListener("change", (e) => {
    if (e.target.dataset.all) {
      for (const row of main.querySelectorAll('input[name="id"][form="' + e.target.dataset.all + '"]')) row.checked = e.target.checked;
    }
    if (e.target.type === "checkbox") ticks();
  });
  ticks();

  // The first field that is wrong is where one goes on.
  const wrong = main.querySelector('[aria-invalid="true"]');
  if (wrong) wrong.focus();

  if (main.dataset.refresh !== "on") return;

  // --- Refreshing ---

  const soonest = 2000, latest = 15000; // milliseconds between two looks: ever more while nothing changes
  let pause = soonest, etag = "", timer = 0, failures = 0, asking = null;

  // Forms that somebody has begun to fill in.
  const touched = new WeakSet();
  main.addEventListener("input", (e) => { const f = e.target.form; if (f) touched.add(f); });

  // What two nodes are the same by: their id, or the heading of a section.
  const key = (node) => attribute(node, "id") || attribute(node, "aria-labelledby");
  const same = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && key(a) === key(b);
  // What this script writes into the page is its own: no refreshing changes it.
  const own = (node) => node.nodeType === Node.ELEMENT_NODE && node.hasAttribute("data-own");

  // morph makes the node `old` like `fresh`, keeping every node that is there in both: focus, scroll, open details stay, and
  // what was typed, chosen or ticked in a field, which the browser keeps as long as the field is there.
  function morph(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    if (old.isEqualNode(fresh)) return;
    if (old.nodeName === "INPUT" && old.type === "hidden" && touched.has(old.form)) return; // what the form was begun with
    for (const { name } of [...old.attributes]) {
      if (fresh.hasAttribute(name) || (name === "open" && old.nodeName === "DETAILS") || name === "data-sent") continue;
      if (name === "hidden" && old.hasAttribute("data-all")) continue;
      old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    morphChildren(old, fresh);
  }

  function morphChildren(old, fresh) {
    const skip = (node) => { while (node && own(node)) node = node.nextSibling; return node; };
    const blank = (node) => node && node.nodeType === Node.TEXT_NODE && !node.data.trim();
    const wanted = new Set([...fresh.childNodes].map(key));
    let at = skip(old.firstChild);
    const leave = () => { const gone = at; at = skip(at.nextSibling); take(gone); };
    for (const next of [...fresh.childNodes]) {
      if (own(next)) continue;
      while (at && key(at) && !wanted.has(key(at))) { leave(); if (blank(at)) leave(); } // so that what follows need not move
      let found = at;
      if (key(next)) while (found && !same(found, next)) found = skip(found.nextSibling);
      if (!found || !same(found, next)) {
        old.insertBefore(document.importNode(next, true), at);
        continue;
      }
      if (found === at) at = skip(at.nextSibling); else old.insertBefore(found, at);
      morph(found, next);
    }
    while (at) leave();
  }

  // take removes a node. What somebody has written in it stays on the page.
  function take(node) {
    if (node.nodeType === Node.ELEMENT_NODE) {
      for (const form of [node, ...node.querySelectorAll("form")]) if (touched.has(form)) keep(form);
    }
    node.remove();
  }

  function keep(form) {
    const written = [...form.elements].filter((f) =>
      (f.nodeName === "TEXTAREA" || (f.nodeName === "INPUT" && !["hidden", "checkbox", "radio"].includes(f.type))) && f.value.trim() && f.value !== f.defaultValue);
    if (written.length === 0) return;
    const element = (name, text, style) => { const e = document.createElement(name); e.textContent = text; if (style) e.className = style; return e; };
    const box = element("section", "", "card pad kept wrong"), list = element("dl", "", "facts"), away = element("button", "Put away");
    box.setAttribute("data-own", "");
    box.setAttribute("role", "alert");
    away.type = "button";
    away.addEventListener("click", () => { box.remove(); main.focus(); });
    for (const f of written) list.append(element("dt", (f.labels && f.labels[0] && (f.labels[0].querySelector("span") || f.labels[0]).textContent) || "Text"), element("dd", f.value));
    box.append(element("h2", "This changed while you wrote"),
      element("p", "It can no longer be done, and nothing was sent. So that it is not lost, this is what you had written:"), list, away);
    main.prepend(box);
  }

  // refreshed makes the page what was fetched, and leaves the visitor where they are.
  function refreshed(fresh) {
    const focus = document.activeElement, from = focus && focus.selectionStart, to = focus && focus.selectionEnd;
    morphChildren(main, fresh);
    if (focus && focus !== document.activeElement && focus.isConnected) { // it was moved
      focus.focus({ preventScroll: true });
      if (typeof from === "number") focus.setSelectionRange(from, to);
    }
    ticks();
  }

  async function look() {
    if (asking) asking.abort();
    const mine = asking = new AbortController();
    try {
      const res = await fetch(location.href, {
        headers: { "X-Opsflow-Refresh": "1", ...(etag && { "If-None-Match": etag }) }, redirect: "manual", cache: "no-store", signal: mine.signal,
      });
      const text = res.ok ? await res.text() : "";
      if (mine !== asking) return;
      if (res.status === 304) {
        pause = Math.min(pause * 1.3, latest);
      } else if (res.ok) {
        const first = !etag;
        etag = res.headers.get("ETag") || "";
        const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("main");
        if (fresh && !main.isEqualNode(fresh)) {
          refreshed(fresh);
          pause = soonest;
        } else if (!first) pause = Math.min(pause * 1.3, latest);
      } else throw new Error("status " + res.status);
      failures = 0;
      stale.hidden = true;
    } catch {
      if (mine !== asking) return;
      pause = Math.min(pause * 2, latest);
      if (++failures > 1) stale.hidden = false;
    }
    plan();
  }

  function plan() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(look, pause);
  }
  document.addEventListener("visibilitychange", () => { pause = soonest; if (!document.hidden) look(); else clearTimeout(timer); });
  plan();

  // --- Filters work at once, and in place ---

  async function filter(form) {
    const asked = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) asked.append(name, value);
    const address = attribute(form, "action") + (asked.size ? "?" + asked : "");
    if (address === location.pathname + location.search) return;
    history.pushState(null, "", address);
    [etag, pause] = ["", soonest];
    main.setAttribute("aria-busy", "true");
    await look();
    main.removeAttribute("aria-busy");
    if (failures > 0) location.reload(); // what is wrong is told on a page of its own
  }
  main.addEventListener("change", (e) => { const f = e.target.closest("form.filters:not(.bare)"); if (f) filter(f); });
  main.addEventListener("submit", (e) => { if (e.target.matches("form.filters:not(.bare)")) { e.preventDefault(); filter(e.target); } });
  window.addEventListener("popstate", () => location.reload());
})();
