#!/usr/bin/env python3
"""The explorer page in a real browser: its numbers against those of the program for small models of every kind, and
one page driven by keyboard, mouse and touch in several sizes and both colour schemes.

    check_explorer.py GKVAE SOURCE [--pages FOLDER]    --pages keeps pages and screenshots there

Needs Debian's package chromium. CHROMIUM=program names another one."""

import argparse
import math
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from checks import check, failures
from chromium import Browser
from page_checks import VIEWS, check_keyboard, check_levels, check_looks, check_policy, check_speed, check_tree

TOLERANCE = 1e-5  # of numbers, relative to 1 + their size

CONFIGURATION = """[data]
dataset = mnist-small
folder = {source}/tests/fixtures
validation = 200
[model]
latent = 6
hidden = 32
layers = 2
prior_layers = 2
prior_hidden = 16
[train]
epochs = 1
batch = 100
threads = 1
refit_every = 0.5
"""
COLOUR = ["data.channels=3", "data.binarization=grey"]
GREY = ["data.binarization=grey"]
SMALL_CONV = ["model.net=conv", "model.half_channels=4", "model.quarter_channels=8"]
MODELS = {
    "mixture": ["model.base=gk-mixture", "model.base_components=3"],
    "by-class": ["model.base=gk-by-class", "model.base_components=2", "model.block=gated", "train.refit_steps=7"],
    "plain": ["model.base=normal", "model.prior_flow=none"],
    "conv": SMALL_CONV + ["model.base=gaussian-mixture", "model.base_components=3"],
    "depthwise": SMALL_CONV + ["model.conv_block=depthwise", "model.downsampling=stride", "model.base=gk-mixture",
                               "model.base_components=2"],
    "grey": GREY + ["model.likelihood=logistic-mixture", "model.base=gk-copula", "model.posterior=full",
                    "model.block=silu"],
    "grey-gk": GREY + ["model.likelihood=gk-mixture", "model.base=gk", "model.posterior=gk", "model.latent=7"],
    "colour": COLOUR + ["model.likelihood=logistic-mixture", "model.base=full-gaussian"],
    "colour-conv": COLOUR + SMALL_CONV + ["model.likelihood=gk", "model.base=student-t", "model.learned_edges=no"],
    "planar": ["model.posterior_flow=planar", "model.posterior_layers=2", "model.posterior=gk-amortized",
               "model.base=gk-mixture", "model.base_components=2", "model.base_tied_shapes=yes"],
    "radial": ["model.posterior_flow=radial", "model.posterior_layers=2", "model.base=gk-mixture",
               "model.base_components=3", "model.base_covariance=diagonal"],
    "spline": ["model.prior_flow=spline", "model.base=normal", "model.latent=7", "model.spline_bound=2",
               "model.posterior_flow=iaf", "model.posterior_layers=2"],
    "gk-coupling": ["model.prior_flow=gk-coupling", "model.prior_layers=5", "model.base=gk-mixture",
                    "model.base_components=2", "model.posterior_flow=sylvester-orthogonal", "model.posterior_layers=2"],
    "maf": ["model.prior_flow=maf", "model.base=gaussian-mixture", "model.base_components=2",
            "model.posterior_flow=sylvester-householder", "model.posterior_layers=2"],
    "glow": ["model.prior_flow=glow", "model.prior_layers=3", "model.base=normal", "model.latent=10",
             "model.posterior_flow=sylvester-orthogonal", "model.posterior_layers=1"],
}
# Images that are not square and have no labels, as levels and as continuous numbers (write_blobs).
BLOBS = {
    "rectangles": SMALL_CONV + ["model.base=student-t", "data.train_images=train.npy", "data.test_images=test.npy"],
    "continuous": ["data.binarization=continuous", "model.likelihood=gk-density", "model.base=gk", "model.latent=1",
                   "model.prior_flow=none", "data.train_images=train-real.npy", "data.test_images=test-real.npy"],
}

def write_npy(path, kind, size, count, height, width, values):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({count}, {height}, {width}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        file.write(struct.pack(f"<{len(values)}{size}", *values))


def write_blobs(folder):
    """Images of 10 × 18 pixels, each a bright blob at a random place."""
    height, width, noise = 10, 18, random.Random(1)
    for half, count in (("train", 400), ("test", 30)):
        values = []
        for _ in range(count):
            x, y, size = noise.uniform(3, 15), noise.uniform(2, 8), noise.uniform(3, 12)
            values += [math.exp(-((j - x) ** 2 + (i - y) ** 2) / size) for i in range(height) for j in range(width)]
        write_npy(f"{folder}/{half}.npy", "|u1", "B", count, height, width, [int(255 * v) for v in values])
        write_npy(f"{folder}/{half}-real.npy", "<f4", "f", count, height, width, [3 * v - 1 for v in values])


def make_page(gkvae, source, folder, name, settings, options=()):
    run, page = os.path.join(folder, name), os.path.join(folder, name + ".html")
    config = os.path.join(folder, name + ".ini")
    with open(config, "w", encoding="utf-8") as file:
        file.write(CONFIGURATION.format(source=source))
    assignments = [word for setting in settings for word in ("--set", setting)]
    subprocess.run([gkvae, "train", config, "--out", run, *assignments], check=True, capture_output=True)
    subprocess.run([gkvae, "export", run, "--explorer", page, *options], check=True, capture_output=True)
    return page


# --- Numbers ----------------------------------------------------------------------


def check_numbers(browser, name, page):
    browser.errors.clear()
    browser.size(1280, 900)
    browser.open(page)
    worst = browser.value("explorer.compare()")
    check(len(worst) == 10, f"{name}: {len(worst)} comparisons, not 10")
    for what, error in worst.items():
        check(error is not None and error <= TOLERANCE, f"{name}: {what} differs from the program's by {error}")
    print(f"{name:12} greatest difference {max(worst.values()):.1e} ({max(worst, key=worst.get)})")
    browser.wait("document.documentElement.dataset.complete === 'yes'")
    for view in VIEWS:
        browser.value(f"explorer.update({{v: '{view}'}})")
        browser.value("new Promise((done) => setTimeout(done, 60))")
        odd = browser.value("document.body.innerText.match(/\\b(nan|undefined|null|infinity|a image)\\b/gi)")
        check(not odd, f"{name}, {view}: the page says {odd}")
    check(not browser.errors, f"{name}: {browser.errors}")


# --- Use --------------------------------------------------------------------------

def code(browser):
    return browser.value("Array.from(explorer.state.z)")


def differs(before, after):
    return max(abs(a - b) for a, b in zip(before, after)) > 1e-3


def check_map(browser):
    browser.value("document.body.focus()")
    browser.key("2", "2")
    check(browser.value("explorer.state.v") == "map", "the key 2 does not open the map")
    before = code(browser)
    browser.value("document.querySelector('canvas.plot').focus()")
    browser.key("ArrowRight")
    check(differs(before, code(browser)), "an arrow key does not move the point of the map")
    before = code(browser)
    x, y, width, height = browser.box("canvas.plot")
    browser.drag([(x + width * s, y + height * s) for s in (0.45, 0.5, 0.55)])
    check(differs(before, code(browser)), "dragging does not move the point of the map")
    check(browser.value("explorer.state.src") == "map", "the source of a place of the map")


def check_sliders(browser):
    browser.value("explorer.useTest(0)")
    browser.key("3", "3")
    before = browser.value("Array.from(explorer.model.decode(explorer.state.z)).reduce((a, b) => a + b)")
    browser.value("document.querySelector('input[type=range]').focus()")
    for _ in range(60):
        browser.key("ArrowRight")
    after = browser.value("Array.from(explorer.model.decode(explorer.state.z)).reduce((a, b) => a + b)")
    check(after > 1.01 * before, f"thicker strokes: the ink is {after}, and was {before}")
    browser.value("[...document.querySelectorAll('button')].find((b) => b.textContent.startsWith('Undo')).click()")
    restored = browser.value("Array.from(explorer.model.decode(explorer.state.z)).reduce((a, b) => a + b)")
    check(abs(restored - before) < 1e-6, "undoing the sliders")


def check_drawing(browser):
    """Two drawings, and the path between them."""
    browser.size(390, 844, touch=True)
    time.sleep(0.5)  # the page draws itself anew
    browser.value("explorer.update({v: 'draw'})")
    x, y, width, height = browser.box("canvas.pad")
    place = [(x + width * a, y + height * b) for a, b in ((0.4, 0.2), (0.35, 0.5), (0.6, 0.5), (0.6, 0.3), (0.6, 0.8))]
    browser.touch(place)
    check(browser.value("explorer.state.src") == "drawn", "a finger does not draw")
    check(browser.value("explorer.input.target.reduce((a, b) => a + b)") > 20, "the drawing has no ink")
    objective = "((z) => explorer.model.cost(explorer.input.target, z) - explorer.model.logPrior(z))(explorer.state.z)"
    before = browser.value(objective)
    browser.wait("[...document.querySelectorAll('button')].some((b) => b.textContent.startsWith('Search'))", 10)
    browser.value("[...document.querySelectorAll('button')].find((b) => b.textContent.startsWith('Search')).click()")
    browser.wait("document.body.textContent.includes('more probable')", 20)
    after = browser.value(objective)
    check(after < before - 0.1, f"a search does not improve the code: {before}, {after}")
    browser.value("document.activeElement.blur()")
    browser.key("a", "a")
    first = code(browser)
    check(browser.value("Array.from(explorer.state.a)") == first, "the key A does not keep the image")
    x, y, width, height = browser.box("canvas.pad")
    browser.touch([(x + width * a, y + height * 0.3) for a in (0.3, 0.4, 0.5, 0.6, 0.7)])
    browser.click("#keep-b")
    check(differs(first, browser.value("Array.from(explorer.state.b)")), "A and B are the same drawing")
    browser.size(1280, 900)
    time.sleep(0.5)
    browser.value("explorer.update({v: 'between'})")
    browser.click(".strip .thumb:first-child")
    check(not differs(first, code(browser)), "the path does not begin at A")
    browser.click(".strip .thumb:last-child")
    check(not differs(browser.value("Array.from(explorer.state.b)"), code(browser)), "the path does not end at B")


def check_base(browser):
    browser.value("explorer.update({v: 'base', c: 1, j: 0})")
    density = "document.querySelector('canvas.plot').toDataURL()"
    images = "[...document.querySelectorAll('.thumbs:not(.large) canvas')].map((c) => c.toDataURL()).join()"
    before = browser.value(density), browser.value(images)
    browser.value("[...document.querySelectorAll('.slider')].find((s) => s.textContent.startsWith('B'))"
                  ".querySelector('input').focus()")
    for _ in range(10):
        browser.key("ArrowRight")
    after = browser.value(density), browser.value(images)
    check(before[0] != after[0] and before[1] != after[1], "the slider of B changes density and images together")
    browser.value("[...document.querySelectorAll('button')].find((b) => b.textContent.startsWith('Back')).click()")
    check(browser.value(images) == before[1], "the base is not what was learned again")


def check_address(browser, page):
    browser.value("explorer.update({v: 'sample', T: 0.7, seed: 5})")
    picture = "document.querySelector('.thumbs canvas').toDataURL()"
    first = browser.value("document.querySelector('.thumbs .thumb').click(), " + picture)
    time.sleep(0.4)
    fragment = browser.value("location.hash")
    before = code(browser)
    browser.open(page, fragment)
    state = browser.value("[explorer.state.v, explorer.state.T, explorer.state.seed]")
    check(state == ["sample", 0.7, 5], f"the address loses the state: {state}")
    check(not differs(before, code(browser)), "the address loses the code")
    check(browser.value(picture) == first, "the same seed draws other images")
    browser.value("document.activeElement.blur()")
    browser.key("r", "r")
    check(browser.value("explorer.state.seed") != 5, "the key R draws no new images")
    for bad in ("#v=nothing&z=AAAA", "#z=%00&c=99&j=-1&T=x&src=test:9999", "#" + "x" * 5000, "#src=train:77777&k=300"):
        browser.open(page, bad)
        check(browser.value("explorer.state.z.every(Number.isFinite)"), f"the address {bad[:40]}")


def check_class(browser, page):
    """Sevens that are more typical than usual, one of them chosen, and a link to what is seen."""
    browser.open(page)
    browser.wait("document.documentElement.dataset.complete === 'yes'")
    browser.value("explorer.update({v: 'sample'})")
    browser.value("""(() => { const choice = document.querySelector("select"); choice.value = "7";
      choice.dispatchEvent(new Event("change")); })()""")
    browser.value("document.querySelector('input[type=range]').focus()")
    for _ in range(6):
        browser.key("ArrowLeft")
    state = browser.value("[explorer.state.k, explorer.state.T]")
    check(state[0] == 7 and abs(state[1] - 0.7) < 1e-9, f"the digit and the temperature are {state}")
    names = browser.value("[...document.querySelectorAll('.thumbs .thumb')].map((t) => t.getAttribute('aria-label') || "
                          "t.querySelector('canvas').getAttribute('aria-label'))")
    components = {int(name.split("component ")[1]) for name in names}
    check(components and components <= {14, 15}, f"sevens are drawn by the components {components}, not by 14 and 15")
    browser.click(".thumbs .thumb:nth-child(3)")
    time.sleep(0.4)
    before, fragment = code(browser), browser.value("location.hash")
    browser.open(page, fragment)
    browser.wait("document.documentElement.dataset.complete === 'yes'")
    check(browser.value("[explorer.state.v, explorer.state.k]") == ["sample", 7], "the link loses the digit")
    check(not differs(before, code(browser)), "the link loses the image that was chosen")


def check_cost(browser):
    """Whether an image is one that the model knows: a test image, and a scribble over the whole pad."""
    rank = "document.getElementById('cost-rank').textContent"
    browser.value("document.getElementById('cost-rank')?.remove(), explorer.update({v: 'draw'}), explorer.useTest(3)")
    browser.wait("document.getElementById('cost-rank') !== null")
    check("Nine in ten of the 60 test images cost" in browser.value(rank), "the cost is not compared with others")
    browser.value("document.getElementById('cost-rank').remove()")
    browser.size(390, 844, touch=True)
    time.sleep(0.5)
    x, y, width, height = browser.box("canvas.pad")
    for row in range(9):
        browser.touch([(x + width * a, y + height * (0.1 + 0.1 * row)) for a in (0.1, 0.5, 0.9)])
    browser.wait("document.getElementById('cost-rank') !== null")
    browser.wait(rank + ".includes('more than all of them')")
    browser.size(1280, 900)
    time.sleep(0.5)


def check_touch(browser, page):
    """A finger moves the point of the map and a slider."""
    browser.size(390, 844, touch=True)
    browser.open(page)
    browser.wait("document.documentElement.dataset.complete === 'yes'")
    browser.value("explorer.update({v: 'map'})")
    before = code(browser)
    x, y, width, height = browser.box("canvas.plot")
    browser.touch([(x + width * s, y + height * s) for s in (0.45, 0.5, 0.6)])
    check(differs(before, code(browser)), "a finger does not move the point of the map")
    browser.value("explorer.update({v: 'change'})")
    before = code(browser)
    x, y, width, height = browser.box("input[type=range]")
    browser.touch([(x + width * s, y + height / 2) for s in (0.5, 0.6, 0.75)])
    check(differs(before, code(browser)), "a finger does not move a slider")


def check_colour(browser, page):
    """The pen's colour is that of the drawing, and the first path is between two images."""
    browser.size(1280, 900)
    browser.open(page)
    check(differs(browser.value("Array.from(explorer.state.a)"), browser.value("Array.from(explorer.state.b)")),
          "the first path is from an image to itself")
    browser.value("""(() => { const [pen, ground] = document.querySelectorAll("input[type=color]");
      if (!pen) return; pen.value = "#ff0000"; ground.value = "#0000ff"; })()""")
    has_pen = browser.value("document.querySelectorAll('input[type=color]').length === 2")
    check(has_pen == (not browser.value("explorer.isInk")), "colours of the pad are for images that are not ink")
    x, y, width, height = browser.box("canvas.pad")
    browser.drag([(x + width * s, y + height * s) for s in (0.3, 0.5, 0.7)])
    middle, corner = browser.value("""(({height, width}, x) => [[...x.slice(3 * (height / 2 * width + width / 2)).slice(0, 3)],
      [...x.slice(0, 3)]])(explorer.model.image, explorer.input.target)""")
    if has_pen:
        check(middle[0] > 0.9 and middle[2] < 0.1 and corner == [0, 0, 1], f"a drawing in colour: {middle}, {corner}")


def check_picture(browser):
    """A picture of dark ink on paper, dropped on the page."""
    browser.value("explorer.update({v: 'draw'})")
    browser.value("""(async () => {
      const canvas = document.createElement("canvas"); canvas.width = 300; canvas.height = 200;
      const c = canvas.getContext("2d"); c.fillStyle = "#eee"; c.fillRect(0, 0, 300, 200); c.fillStyle = "#222";
      c.fillRect(140, 40, 20, 120);
      const blob = await new Promise((done) => canvas.toBlob(done)), data = new DataTransfer();
      data.items.add(new File([blob], "one.png", {type: "image/png"}));
      document.querySelector(".drop").dispatchEvent(new DragEvent("drop", {dataTransfer: data, cancelable: true}));
    })()""")
    browser.wait("explorer.state.src === 'dropped'", 10)
    ink = browser.value("((x) => [x.reduce((a, b) => a + b), x[0], x[14 * 28 + 14]])(explorer.input.target)")
    check(40 < ink[0] < 140 and ink[1] == 0 and ink[2] == 1, f"a dropped picture: {ink}")
    browser.value("""(() => { const data = new DataTransfer(); data.items.add(new File(["no"], "no.png"));
      document.querySelector(".drop").dispatchEvent(new DragEvent("drop", {dataTransfer: data, cancelable: true})); })()""")
    browser.wait("document.body.textContent.includes('not a picture')", 10)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gkvae")
    parser.add_argument("source")
    parser.add_argument("--pages")
    arguments = parser.parse_args()
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not program:
        sys.exit("check_explorer.py: there is no chromium: make deps PACKAGES=chromium")
    folder = arguments.pages or tempfile.mkdtemp()
    os.makedirs(folder, exist_ok=True)
    browser = Browser(program)
    try:
        pages = {}
        for name, settings in MODELS.items():
            pages[name] = make_page(arguments.gkvae, arguments.source, folder, name, settings)
            check_numbers(browser, name, pages[name])
        write_blobs(folder)
        for name, settings in BLOBS.items():
            placed = [s.replace("images=", f"images={os.path.abspath(folder)}/") for s in settings]
            check_numbers(browser, name, make_page(arguments.gkvae, arguments.source, folder, name,
                                                   placed + ["data.dataset=blobs", "data.validation=50"]))
        bare = os.path.join(folder, "without-images.html")
        subprocess.run([arguments.gkvae, "export", os.path.join(folder, "mixture", "model.safetensors"), "--explorer", bare,
                        "--without-images"], check=True, capture_output=True)
        check_numbers(browser, "no images", bare)
        page = pages["mixture"]
        browser.errors.clear()
        browser.size(1280, 900)
        browser.open(page)
        check_levels(browser, pages["grey-gk"])
        check_class(browser, pages["by-class"])
        check_speed(browser, pages)
        browser.open(page)
        browser.wait("document.documentElement.dataset.complete === 'yes'")
        check_map(browser)
        check_sliders(browser)
        check_drawing(browser)
        check_base(browser)
        check_cost(browser)
        check_picture(browser)
        check_address(browser, page)
        check_colour(browser, pages["colour"])
        check_touch(browser, page)
        check_keyboard(browser, page)
        check_tree(browser, page)
        check_looks(browser, page, arguments.pages)
        check_policy(browser, page, folder)
        check(not browser.errors, f"errors of the page: {browser.errors[:5]}")
        outside = [url for url in browser.requests if not url.startswith(("file:", "about:", "blob:", "data:"))]
        check(not outside, f"requests to the outside: {outside[:5]}")
        check(browser.requests, "no request at all was seen")
    finally:
        browser.close()
        if not arguments.pages:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(failures)} failures" if failures else "the explorer is as it should be")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
