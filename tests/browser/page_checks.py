"""Checks of the explorer page that are about the page more than about the model: looks, labels, keys, policy, speed."""

import math
import os
import shutil

from checks import check

CONTRAST = 4.5
PAINT_MS, DECODE_MS = 300, 5  # the limits of docs/explorer.md, for the least of some times
VIEWS = ["draw", "map", "change", "between", "sample", "base", "flow", "about"]

# --- Looks ------------------------------------------------------------------------

# Texts whose contrast with what is behind them is too low, and controls without a name or too small a box.
AUDIT = """(() => {
  const found = [], canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = (text) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data; };
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, part, i) => {
    const v = c[i] / 255; return sum + part * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); }, 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (rgb(c)[3] === 255) return rgb(c); } return [255, 255, 255]; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || e.closest("script, noscript") || !e.getClientRects().length) continue;
    texts++;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < CONTRAST) found.push(`contrast ${ratio.toFixed(2)}: ${walker.currentNode.data.trim().slice(0, 40)}`);
    if (parseFloat(getComputedStyle(e).fontSize) < 12)
      found.push(`small text: ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  for (const e of document.querySelectorAll("button, input, select, canvas[tabindex], a[href]")) {
    if (!e.getClientRects().length) continue;
    const name = e.getAttribute("aria-label") || e.textContent || (e.labels && e.labels.length) || e.title;
    if (!name) found.push("no name: " + e.outerHTML.slice(0, 80));
    const box = e.getBoundingClientRect();
    if (!e.matches("a") && (box.height < 24 || box.width < 24)) found.push("small target: " + e.outerHTML.slice(0, 80));
  }
  for (const e of document.querySelectorAll("canvas[role=img]"))
    if (!e.getAttribute("aria-label")) found.push("a picture without a name");
  const width = document.documentElement.scrollWidth;
  if (width > innerWidth) found.push(`wider than the window: ${width}`);
  if (texts < 20) found.push(`only ${texts} texts`);
  return found;
})()""".replace("CONTRAST", str(CONTRAST))


def check_looks(browser, page, folder):
    for width, height in ((390, 844), (1280, 900), (3840, 2160)):
        for dark in (False, True):
            browser.size(width, height, dark, touch=width < 600)
            browser.open(page)
            browser.wait("document.documentElement.dataset.complete === 'yes'")
            for view in VIEWS:
                browser.value(f"explorer.update({{v: '{view}'}})")
                browser.value("new Promise((done) => setTimeout(done, 60))")
                found = browser.value(AUDIT)
                check(not found, f"{width} px, {'dark' if dark else 'light'}, {view}: {found[:5]}")
                if folder:
                    browser.screenshot(os.path.join(folder, f"{width}-{'dark' if dark else 'light'}-{view}.png"))


# --- Labels and keys --------------------------------------------------------------

NAMED = {"button", "slider", "tab", "tabpanel", "tablist", "image", "img", "textbox", "combobox", "link",
         "ColorWell", "Canvas", "region", "complementary"}


def check_tree(browser, page):
    """What a screen reader is told: every control and picture has a name, and the views are tabs of a list."""
    browser.size(390, 844, touch=True)
    browser.open(page)
    browser.wait("document.documentElement.dataset.complete === 'yes'")
    browser.call("Accessibility.enable")
    for view in VIEWS:
        browser.value(f"explorer.update({{v: '{view}'}})")
        nodes = [node for node in browser.call("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
        roles = [node["role"]["value"] for node in nodes]
        nameless = [role for node, role in zip(nodes, roles) if role in NAMED and not node["name"]["value"].strip()]
        check(not nameless, f"{view}: a screen reader finds no names of {nameless[:5]}")
        chosen = [node for node, role in zip(nodes, roles) if role == "tab" and any(
            p["name"] == "selected" and p["value"]["value"] for p in node["properties"])]
        check(roles.count("tab") == len(VIEWS) and len(chosen) == 1, f"{view}: the list of views is not one of tabs")
        check("main" in roles or "tabpanel" in roles, f"{view}: no main part")
    live = browser.value("document.querySelectorAll('[aria-live=polite], [role=status]').length")
    check(live >= 2, "changes of the image are not announced")
    browser.call("Accessibility.disable")


def check_keyboard(browser, page):
    """Tab reaches every control of a view in turn, each with a frame that shows where it is, and nothing traps it."""
    browser.size(1280, 900)
    browser.open(page)
    browser.wait("document.documentElement.dataset.complete === 'yes'")
    for view in ("draw", "change", "between", "about"):
        browser.value(f"explorer.update({{v: '{view}'}}); document.activeElement.blur(); scrollTo(0, 0)")
        wanted = browser.value("""(() => { window.visited = new Set();
          const all = [...document.querySelectorAll("button, input, select, summary, a[href], canvas[tabindex]")];
          return all.filter((e) => e.getClientRects().length && e.tabIndex >= 0).length; })()""")
        first, frames = None, True
        for _ in range(wanted + 6):
            browser.key("Tab")
            found = browser.value("""(() => { const e = document.activeElement; window.visited.add(e);
              const style = getComputedStyle(e); return [e.className, e === document.body,
                style.outlineStyle !== "none" || e.matches(".skip")]; })()""")
            first = first or found[0]
            frames = frames and (found[1] or found[2])
        visited = browser.value("""[...window.visited].filter((e) => e.matches("button, input, select, summary, a[href], "
          + "canvas[tabindex]")).length""")
        check(visited >= wanted, f"{view}: Tab reaches {visited} of {wanted} controls")
        check(frames, f"{view}: the control with the focus has no frame")
    browser.value("document.getElementById('tab-draw').focus(); explorer.update({v: 'draw'})")
    browser.key("ArrowRight")
    check(browser.value("[explorer.state.v, document.activeElement.id]") == ["map", "tab-map"], "arrows on the tabs")


# --- One file, and nothing else ---------------------------------------------------


def check_policy(browser, page, folder):
    """A copy at another place, as from a mail: it works, its policy holds, and links to the original open in it."""
    browser.size(1280, 900)
    browser.open(page)
    browser.value("explorer.update({v: 'map', z: Float64Array.from(explorer.examples.cloud.code(7)), src: 'train:7'})")
    browser.value("new Promise((done) => setTimeout(done, 400))")
    link, code = browser.value("location.href"), browser.value("Array.from(explorer.state.z)")
    copy = os.path.join(folder, "from a mail ä", "page #2.html")
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    shutil.copy(page, copy)
    browser.open(copy)
    browser.wait("document.documentElement.dataset.complete === 'yes'")
    paste = """((text) => { const data = new DataTransfer(); data.setData("text/plain", text);
      document.body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true})); })"""
    browser.value(paste + '("file:///home/x/page.html#v=map&z=AAAA")')
    check(browser.value("explorer.state.v") == "draw", "a link of another model is opened")
    browser.value(paste + f"({link!r})")
    there = browser.value("Array.from(explorer.state.z)")
    check(browser.value("[explorer.state.v, explorer.state.src]") == ["map", "train:7"], "a pasted link is not opened")
    check(max(abs(a - b) for a, b in zip(code, there)) < 1e-3, "a pasted link has another code")
    browser.value("explorer.update({v: 'about'})")
    browser.value(f"document.querySelector('input[type=text]').value = {link!r}")
    browser.click("input[type=text] + button")
    check(browser.value("explorer.state.v") == "map", "a link in the field is not opened")
    check(not browser.errors, f"a copy of the page: {browser.errors[:5]}")
    kept = len(browser.requests)
    ran, fetched, seen = browser.value("""(async () => {
      const seen = [];
      document.addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
      const script = document.createElement("script"), image = new Image();
      script.textContent = "window.injected = true";
      document.body.append(script);
      image.src = "https://example.invalid/a.png";
      let fetched = true;
      await fetch("https://example.invalid/").catch(() => (fetched = false));
      await new Promise((done) => setTimeout(done, 300));
      return [Boolean(window.injected), fetched, seen]; })()""")
    check(not ran and not fetched, "the policy lets in a script or a request")
    check({"script-src-elem", "img-src", "connect-src"} <= set(seen), f"the policy refused only {seen}")
    browser.errors.clear()
    del browser.requests[kept:]


# --- Speed ------------------------------------------------------------------------


def check_speed(browser, pages):
    """The least of some times to the first paint and of a decode, since others may use the machine."""
    browser.size(1280, 900)
    browser.call("Page.bringToFront")
    paint = math.inf
    for _ in range(20):
        browser.open(pages["mixture"])
        browser.wait("performance.getEntriesByName('first-contentful-paint').length > 0", 10)
        paint = min(paint, browser.value("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        if paint <= PAINT_MS:
            break
    print(f"first paint after {paint:.0f} ms")
    check(paint <= PAINT_MS, f"the first paint is after {paint} ms")
    for name in ("mixture", "conv", "grey", "grey-gk", "colour", "colour-conv"):
        browser.open(pages[name])
        browser.wait("document.documentElement.dataset.complete === 'yes'")
        decode = browser.value("""(() => { const {model, examples: {cloud}} = explorer; let least = Infinity;
          for (let i = 0; i < 120; i++) {
            const z = Float64Array.from(cloud.code(i % cloud.count)), start = performance.now();
            model.decode(z);
            least = Math.min(least, performance.now() - start); }
          return least; })()""")
        print(f"{name:12} a decode in {decode:.1f} ms")
        check(decode <= DECODE_MS, f"{name}: a decode takes {decode} ms")


def check_levels(browser, page):
    """Mean levels of random distributions, by the fast sums over edges and by each edge itself."""
    browser.open(page)
    worst = browser.value("""(() => {
      const random = Numbers.random(5), between = (a, b) => a + (b - a) * random.uniform();
      const edges = Float64Array.from({length: 255}, (_, v) => -1 - 1 / 255 + (2 + 2 / 255) * (v + 1) / 256);
      const worst = [0, 0];
      for (let i = 0; i < 3000; i++) {
        const c = {location: between(-1.5, 1.5), scale: Math.exp(between(-7, 3)), g: between(-8, 8) * (i % 2 ? 1 : 0.3),
                   k: i % 3 === 0 ? between(-0.05, 0) : between(0, i % 3 === 1 ? 1 : 4)};
        let gk = 0, logistic = 0;
        for (const edge of edges) {
          const x = (edge - c.location) / c.scale;
          gk += Numbers.normalCdf(-Numbers.gkScore(x, c.g, c.k));
          logistic += Numbers.sigmoid(-x);
        }
        worst[0] = Math.max(worst[0], Math.abs(LevelSums.gk(c, edges) - gk) / 255);
        worst[1] = Math.max(worst[1], Math.abs(LevelSums.logistic(c, edges) - logistic) / 255);
      }
      return worst; })()""")
    check(worst[0] <= 1e-4 and worst[1] <= 1e-6, f"fast mean levels are off by {worst}")
    print(f"mean levels of g-and-k's off by at most {worst[0]:.1e} of white")
