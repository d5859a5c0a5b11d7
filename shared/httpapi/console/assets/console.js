// Keeps the page up to date: asks for it again, and changes in place what is different. Everything works without it.
(() => {
  "use strict";

  const main = document.getElementById("main");
  const stale = document.getElementById("stale");
  if (!main || main.dataset.refresh !== "on") return;

  const soonest = 2000, latest = 15000; // milliseconds between two looks: ever more while nothing changes
  let pause = soonest, etag = "", timer = 0, failures = 0;

  // A form that somebody has begun to fill in is left alone until it is sent.
  const touched = new WeakSet();
  main.addEventListener("input", (e) => { const f = e.target.closest("form"); if (f) touched.add(f); });

  // Filters work at once.
  main.addEventListener("change", (e) => {
    const f = e.target.closest("form.filters");
    if (f) f.requestSubmit();
  });
  // A second click must not send a form twice.
  document.addEventListener("submit", (e) => {
    if (e.target.method !== "post") return;
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    const sure = e.submitter && e.submitter.dataset.confirm;
    if (sure && !window.confirm(sure)) { e.preventDefault(); return; }
    e.target.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((f) => delete f.dataset.sent));

  const same = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id || "") === (b.id || "");

  // morph makes the node `old` like `fresh`, keeping every node that is there in both: focus, scroll and open details stay.
  function morph(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    if (old.isEqualNode(fresh)) return;
    if (old.nodeName === "FORM" && (touched.has(old) || old.contains(document.activeElement) || old.dataset.sent)) return;
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    morphChildren(old, fresh);
  }

  function morphChildren(old, fresh) {
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      let found = at;
      while (found && !same(found, next)) found = next.id || found === at ? found.nextSibling : null;
      if (found && (found === at || next.id)) {
        if (found === at) at = at.nextSibling; else old.insertBefore(found, at);
        morph(found, next);
      } else {
        old.insertBefore(document.importNode(next, true), at);
      }
    }
    while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
  }

  async function look() {
    try {
      const res = await fetch(location.href, {
        headers: { "X-Opsflow-Refresh": "1", ...(etag && { "If-None-Match": etag }) }, redirect: "manual", cache: "no-store",
      });
      if (res.status === 304) {
        pause = Math.min(pause * 1.3, latest);
      } else if (res.ok) {
        const first = !etag;
        etag = res.headers.get("ETag") || "";
        const fresh = new DOMParser().parseFromString(await res.text(), "text/html").getElementById("main");
        if (fresh && !main.isEqualNode(fresh)) {
          morphChildren(main, fresh);
          pause = soonest;
        } else if (!first) pause = Math.min(pause * 1.3, latest);
      } else throw new Error("status " + res.status);
      failures = 0;
      stale.hidden = true;
    } catch {
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
})();
