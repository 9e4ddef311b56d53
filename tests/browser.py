"""A headless Chromium for tests of web pages, and the checks that apply to every page."""

import shutil
import tempfile
from contextlib import contextmanager

import pytest

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--window-size=1100,1900"),
    *("--hide-scrollbars", "--autoplay-policy=no-user-gesture-required"),
)

WIDTHS = (320, 390, 1280)
SCHEMES = ("light", "dark")


@contextmanager
def chromium():
    """Start a browser. Skips the test if none is installed."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs Debian's chromium and chromium-driver")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        try:
            browser.set_page_load_timeout(60)
            yield browser
        finally:
            browser.quit()


def show_as(browser, width: int, scheme: str):
    """Make the browser emulate a device of a width in CSS pixels that prefers the color scheme `light` or `dark`."""
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 800}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen", "features": features})


def sideways_scroll(browser) -> int:
    """The number of pixels by which the page is wider than the window."""
    return browser.execute_script(
        "const e = document.scrollingElement; return Math.max(e.scrollWidth, document.body.scrollWidth) - innerWidth;"
    )


LOW_CONTRAST = """
const least = arguments[0], root = document.querySelector(arguments[1]);
const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const known = {};
function rgba(colour) {
  if (!(colour in known)) {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    known[colour] = [r, g, b, a / 255];
  }
  return known[colour];
}
const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
function background(element) {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    const colour = rgba(getComputedStyle(e).backgroundColor);
    if (colour[3]) layers.push(colour);
    if (colour[3] === 1) break;
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  return layers.reverse().reduce((below, top) => over(top, below), dark ? [18, 18, 18] : [255, 255, 255]);
}
const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
const found = [];
const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode, element = node.parentElement;
  if (!node.textContent.trim() || element.closest("svg, script, style, title, option") || !element.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
  const range = document.createRange(); range.selectNodeContents(node);
  const box = range.getBoundingClientRect();
  if (!box.width || !box.height) continue;
  const below = background(element), colour = over(rgba(getComputedStyle(element).color), below);
  const [a, b] = [light(colour), light(below)].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < least) found.push([node.textContent.trim().slice(0, 40), Number(ratio.toFixed(2))]);
}
return found;
"""


def low_contrast(browser, root: str = "body", least: float = 4.5) -> list:
    """The visible texts inside an element whose contrast with their background is too low, each with its contrast."""
    return browser.execute_script(LOW_CONTRAST, least, root)


FOCUS = """
const e = document.activeElement, style = getComputedStyle(e);
const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
const stroked = e instanceof SVGElement && parseFloat(style.strokeWidth) >= 3;
const box = e.getBoundingClientRect();
return {tag: e.tagName.toLowerCase(), name: (e.getAttribute("aria-label") || e.textContent || e.id || "").trim().slice(0, 60),
        seen: outlined || stroked || style.boxShadow !== "none", there: box.width > 0 && box.height > 0};
"""


def tabbed(browser, times: int) -> list[dict]:
    """The element with the focus after each press of Tab: `tag`, `name`, and `seen`: whether the focus is visible."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    reached = []
    for _ in range(times):
        ActionChains(browser, duration=0).send_keys(Keys.TAB).perform()
        reached.append(browser.execute_script(FOCUS))
        if reached[-1]["tag"] == "body":
            break
    return reached


def console_errors(browser) -> list[str]:
    """The errors in the browser's console since the last call."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
