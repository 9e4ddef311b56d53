"use strict";
// One listener for each kind of event on the document: it serves reports that are put into a page later, too.
function startReports() {
  if (document.amuseReport) return;
  document.amuseReport = true;
  document.body.classList.add("has-script");

  const recordingOf = (element) => element.closest(".amuse-report .recording");
  const barsOf = (recording) => {
    // in the order of the conversation, over all lanes
    recording.amuseBars ??= [...recording.querySelectorAll(".bar")].sort(
      (a, b) => numberOf(a) - numberOf(b)
    );
    return recording.amuseBars;
  };
  const numberOf = (bar) => Number(bar.dataset.utterance.split("-u")[1]);
  const utteranceOf = (element) =>
    recordingOf(element).querySelector("#" + CSS.escape(element.dataset.utterance));
  const mediaOf = (recording) => recording.querySelector("audio, video");

  function tell(bar) {
    const recording = recordingOf(bar);
    const said = utteranceOf(bar).querySelector(".said").textContent;
    recording.querySelector(".now").textContent = bar.getAttribute("aria-label") + ". " + said;
  }

  function mark(recording, id) {
    for (const element of recording.querySelectorAll(".current")) element.classList.remove("current");
    if (id === undefined) return;
    recording.querySelector("#" + CSS.escape(id))?.classList.add("current");
    recording.querySelector(`.bar[data-utterance="${CSS.escape(id)}"]`)?.classList.add("current");
  }

  function choose(element) {
    const recording = recordingOf(element), item = utteranceOf(element), media = mediaOf(recording);
    mark(recording, element.dataset.utterance);
    if (media && media.error === null && item.dataset.start !== undefined) {
      media.currentTime = Number(item.dataset.start);
      media.play().catch(() => {});
    } else {
      item.scrollIntoView({ block: "center" });
      item.focus({ preventScroll: true });
    }
  }

  function enter(recording) {
    // one bar can be reached with Tab, the others with the arrow keys
    const bars = barsOf(recording);
    if (bars.length && !bars.some((bar) => bar.getAttribute("tabindex") === "0")) bars[0].setAttribute("tabindex", "0");
  }

  function move(bar, to) {
    const bars = barsOf(recordingOf(bar));
    const next = bars[Math.min(Math.max(to, 0), bars.length - 1)];
    bar.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  }

  const lose = (media) => { media.closest(".player").querySelector(".missing").hidden = false; };

  const prepare = () => {
    for (const recording of document.querySelectorAll(".amuse-report .recording:not([data-ready])")) {
      recording.dataset.ready = "";
      enter(recording);
      const media = mediaOf(recording);
      if (media?.error) lose(media); // it was known before this script was read
    }
  };
  prepare();
  new MutationObserver(prepare).observe(document.body, { childList: true, subtree: true });

  document.addEventListener("focusin", (event) => {
    if (event.target.matches?.(".amuse-report .bar")) tell(event.target);
  });
  document.addEventListener("pointerover", (event) => {
    if (event.target.matches?.(".amuse-report .bar")) tell(event.target);
  });
  document.addEventListener("click", (event) => {
    const zoom = event.target.closest?.(".amuse-report [data-zoom]");
    if (zoom) {
      const timeline = recordingOf(zoom).querySelector(".timeline");
      const before = Number(timeline.style.getPropertyValue("--zoom")) || 1;
      timeline.style.setProperty("--zoom", Math.min(Math.max(before * Number(zoom.dataset.zoom), 1), 64));
    }
    const chosen = event.target.closest?.(".amuse-report .bar, .amuse-report .seek");
    if (chosen) choose(chosen);
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.(".amuse-report .bar")) return;
    const bars = barsOf(recordingOf(event.target)), place = bars.indexOf(event.target);
    const targets = { ArrowRight: place + 1, ArrowDown: place + 1, ArrowLeft: place - 1, ArrowUp: place - 1, Home: 0, End: bars.length - 1 };
    if (event.key in targets) move(event.target, targets[event.key]);
    else if (event.key === "Enter" || event.key === " ") choose(event.target);
    else return;
    event.preventDefault();
  });
  document.addEventListener("timeupdate", (event) => {
    const recording = event.target.closest?.(".amuse-report .recording");
    if (!recording) return;
    let last;
    for (const item of recording.querySelectorAll(".utterances > li[data-start]"))
      if (Number(item.dataset.start) <= event.target.currentTime + 0.05) last = item.id;
    if (recording.amuseLast !== last) mark(recording, last);
    recording.amuseLast = last;
  }, true);
  document.addEventListener("error", (event) => {
    if (event.target.matches?.(".amuse-report audio, .amuse-report video"))
      lose(event.target);
  }, true);
  document.addEventListener("change", (event) => {
    const input = event.target.closest?.(".amuse-report .missing input");
    if (!input || !input.files.length) return;
    mediaOf(recordingOf(input)).src = URL.createObjectURL(input.files[0]);
    input.closest(".missing").hidden = true;
  });
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll(".amuse-report details:not([open])")) {
      details.open = true;
      details.dataset.opened = "";
    }
  });
  addEventListener("afterprint", () => {
    for (const details of document.querySelectorAll(".amuse-report details[data-opened]")) {
      details.open = false;
      delete details.dataset.opened;
    }
  });
}
if (document.body) startReports();
else document.addEventListener("DOMContentLoaded", startReports);
