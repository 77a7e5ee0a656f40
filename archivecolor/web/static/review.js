// What the served pages do: slider, keys, decisions, brush. Plain; what it shows comes from the server or from words.toml.
"use strict";

const body = document.body;
const base = body.dataset.base;
const words = JSON.parse(body.dataset.words);
const byId = (id) => document.getElementById(id);
const say = (text, values = {}) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

document.documentElement.classList.add("moves");
document.addEventListener("input", (event) => {
  const split = event.target.closest(".split");
  if (split) split.style.setProperty("--at", `${event.target.value}%`);
});

let toastTimer;
let standing = ""; // what stands wherever nothing else is said
function toast(text) {
  const box = byId("toast");
  box.textContent = text;
  box.classList.add("shown");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(settle, 3500);
}
function settle() {
  const box = byId("toast");
  if (standing) box.textContent = standing;
  box.classList.toggle("shown", standing !== "");
}
function stand(text) {
  if (text === standing) return;
  standing = text;
  clearTimeout(toastTimer);
  settle();
}

async function send(path, type, content) {
  const answer = await fetch(base + path, { method: "POST", headers: { "Content-Type": type }, body: content });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}
const post = (path, values) => send(path, "application/json", JSON.stringify(values));

function attempt(action) {
  return async (...given) => {
    try {
      return await action(...given);
    } catch (error) {
      toast(say(words.failed, { detail: error.message }));
      return undefined;
    }
  };
}

const typing = (event) => {
  const field = event.target.closest("input, select, textarea");
  return field && field.type !== "range" && field.type !== "color";
};

// What goes on beside the page.

function listen(onState) {
  const events = new EventSource(`${base}/events`);
  events.onmessage = (event) => onState(JSON.parse(event.data));
}

// The list.

function startGrid() {
  const form = document.querySelector(".filters");
  form.addEventListener("change", () => form.requestSubmit());
  form.addEventListener("submit", () => {
    for (const field of form.elements) if (field.name && field.value === "") field.disabled = true;
  });
  const links = [...document.querySelectorAll("#cards a.frame")];
  document.addEventListener("keydown", (event) => {
    if (typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = links.indexOf(document.activeElement);
    const perRow = links.filter((link) => link.offsetTop === links[0]?.offsetTop).length || 1;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow, ArrowUp: -perRow };
    const step = steps[event.key];
    if (step === undefined || !links.length) return;
    event.preventDefault();
    const next = at < 0 ? 0 : at + step;
    if (next >= links.length) document.querySelector('a[rel="next"]')?.focus();
    else if (next >= 0) links[next].focus();
  });
  let first;
  listen((state) => {
    first ??= state.version;
    byId("changed").hidden = state.version === first;
    byId("waiting").hidden = !state.waiting;
    byId("waiting").textContent = say(words.decisions_wait, { count: state.waiting });
  });
}

// One picture.

function startItem() {
  const number = body.dataset.item;
  const path = body.dataset.path;
  startClip(path);
  const brush = byId("brush") ? startBrush(path) : null;

  const decide = attempt(async (values, text) => {
    await post(`${path}/decide`, { note: byId("note").value, ...values });
    toast(text);
    for (const [id, state] of [["accept", "accepted"], ["reject", "rejected"]])
      byId(id).setAttribute("aria-pressed", String(values.state === state));
    body.dataset.decided = values.state || "";
  });
  const on = (id, action) => { if (byId(id)) byId(id).onclick = action; };
  on("accept", () => decide({ state: "accepted" }, words.accepted));
  on("reject", () => decide({ state: "rejected" }, words.rejected));
  on("undecide", () => decide({ state: "none" }, words.undecided));
  on("redo", () => decide({ redo: true }, words.making));

  const go = (id) => byId(id) && byId(id).click();
  const keys = {
    a: () => go("accept"), r: () => go("reject"), u: () => go("undecide"), d: () => go("redo"),
    n: () => go("next"), p: () => go("previous"), ArrowRight: () => go("next"), ArrowLeft: () => go("previous"),
    b: () => go("paint"), c: () => go("certainty"), z: () => go("zoom"), s: () => go("save"),
    k: () => go("play"),
    g: () => byId("line")?.focus(),
    Escape: () => (brush && brush.isPainting() ? go("paint") : go("back")),
    "?": () => { for (const one of document.querySelectorAll("details")) one.open = !one.open; },
  };
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && brush && !typing(event)) {
      event.preventDefault();
      byId("undo").click();
      return;
    }
    if (typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.type === "range" && event.key.startsWith("Arrow")) return;
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  // What is made between two looks was never seen in the making: what counts is what was made.
  let shown = null;
  if (sessionStorage.getItem("made") === path) toast(words.made);
  sessionStorage.removeItem("made");
  let isLeaving = false; // loading anew would call somebody back who is on the way to another page
  window.addEventListener("beforeunload", () => {
    isLeaving = true;
    setTimeout(() => { isLeaving = false; }, 3000); // it may have been a download
  });
  listen((state) => {
    const made = state.made[number];
    const trouble = state.troubles[number];
    const isMaking = state.making.includes(Number(number));
    stand(isMaking ? words.making : "");
    if (trouble) toast(say(words.trouble, { detail: trouble }));
    shown ??= made ?? 0;
    if (made !== undefined && made !== shown && !trouble && !isLeaving) {
      sessionStorage.setItem("made", path);
      location.reload();
    }
    body.dataset.making = String(isMaking);
  });
}

// A shot of a film, played.

function startClip(path) {
  const film = byId("clip");
  const button = byId("play");
  if (!film) return;
  film.onerror = () => toast(say(words.failed, { detail: words.no_clip }));
  button.onclick = attempt(async () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    film.hidden = !on;
    if (!on) return film.pause();
    if (!film.getAttribute("src")) film.src = `${base}${path}/clip`;
    return film.play();
  });
}

// Where the picture lies in its box.

function pictureBox(image) {
  const box = image.getBoundingClientRect();
  const scale = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
  const width = image.naturalWidth * scale;
  const height = image.naturalHeight * scale;
  return { left: box.left + (box.width - width) / 2, top: box.top + (box.height - height) / 2, width, height };
}

function placeOf(event, image) {
  const box = pictureBox(image);
  const x = (event.clientX - box.left) / box.width;
  const y = (event.clientY - box.top) / box.height;
  return x >= 0 && x <= 1 && y >= 0 && y <= 1 ? [x, y] : null;
}

function startBrush(path) {
  const form = byId("brush");
  const stage = byId("stage");
  const image = byId("coloured");
  const page = Number(form.dataset.pageNumber);
  let hints = JSON.parse(form.dataset.hints);
  let history = [];
  let ownSaturation = byId("saturation").dataset.own === "true";
  let newest = null; // the hint that was just laid: a likely colour is for it
  let change = "";
  let overlayShows = "";

  const values = () => ({
    page,
    hints,
    saturation: ownSaturation ? Number(byId("saturation").value) : null,
  });

  function set(next) {
    history.push(hints);
    hints = next;
    show();
    preview();
  }

  function show() {
    const list = byId("hints");
    const dots = byId("dots");
    list.replaceChildren();
    dots.replaceChildren();
    const box = pictureBox(image);
    const outer = stage.getBoundingClientRect();
    if (!hints.length) list.append(Object.assign(document.createElement("li"), { textContent: words.no_hints }));
    hints.forEach((hint, index) => {
      const [x, y] = hint.points ? hint.points[0] : [hint.x, hint.y];
      const row = document.createElement("li");
      const swatch = document.createElement("i");
      swatch.style.background = hint.colour;
      const text = document.createElement("span");
      text.textContent = say(words.hint, {
        colour: hint.colour, x: (x * 100).toFixed(1), y: (y * 100).toFixed(1), reach: words[`reach_${hint.reach}`],
      });
      const remove = document.createElement("button");
      remove.type = "button";
      remove.textContent = words.remove;
      remove.onclick = () => set(hints.filter((_, other) => other !== index));
      row.append(swatch, text, remove);
      list.append(row);
      for (const [left, top] of hint.points || [[x, y]]) {
        const dot = document.createElement("i");
        dot.style.left = `${box.left - outer.left + left * box.width}px`;
        dot.style.top = `${box.top - outer.top + top * box.height}px`;
        dot.style.background = hint.colour;
        dots.append(dot);
      }
    });
  }

  // One preview at a time; what was asked for meanwhile is asked once, when the answer is there.
  let running = false;
  let again = false;
  const preview = attempt(async () => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      do {
        again = false;
        const answer = await post(`${path}/preview`, values());
        image.src = answer.coloured;
        change = answer.change;
        byId("share").textContent = hints.length ? say(words.change, { share: answer.share }) : "";
        if (overlayShows !== "certainty") showChange();
        body.dataset.previews = String(Number(body.dataset.previews || 0) + 1);
      } while (again);
    } finally {
      running = false;
    }
  });

  function overlay(source, what) {
    overlayShows = source ? what : "";
    const layer = byId("overlay");
    layer.hidden = !source;
    if (source) layer.src = source;
  }
  function showChange() {
    const wanted = byId("show-change").getAttribute("aria-pressed") === "true";
    overlay(wanted && hints.length ? change : "", "change");
    if (wanted && hints.length) setTimeout(() => overlayShows === "change" && overlay("", ""), 1200);
  }
  const toggle = (button, action) => {
    button.onclick = () => {
      const pressed = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(pressed));
      action(pressed);
    };
  };
  toggle(byId("show-change"), showChange);
  toggle(byId("certainty"), (on) => overlay(on ? `${base}${path}/certainty?page=${page}` : "", "certainty"));

  // Colours.
  const setColour = (colour) => {
    byId("colour").value = colour;
    byId("colour-text").value = colour;
  };
  byId("colour").oninput = () => { byId("colour-text").value = byId("colour").value; };
  // A canvas knows the names of colours, and passes over what is none.
  const ink = document.createElement("canvas").getContext("2d");
  byId("colour-text").oninput = () => {
    ink.fillStyle = byId("colour").value;
    ink.fillStyle = byId("colour-text").value;
    if (ink.fillStyle.startsWith("#")) byId("colour").value = ink.fillStyle;
  };
  const colour = () => byId("colour-text").value.trim() || byId("colour").value;
  byId("make-grey").onclick = () => setColour("#808080");
  let place = null; // that likely colours are shown of
  const likely = attempt(async ([x, y]) => {
    const asked = (place = [x, y]);
    const answer = await fetch(`${base}${path}/colours?page=${page}&x=${x}&y=${y}`);
    if (!answer.ok) return;
    const { colours } = await answer.json();
    if (asked !== place) return;
    byId("likely").replaceChildren(...colours.map((one) => {
      const button = document.createElement("button");
      button.type = "button";
      button.style.background = one;
      button.title = one;
      button.setAttribute("aria-label", one);
      button.onclick = () => {
        setColour(one);
        const laid = hints.at(-1);
        if (laid !== newest || laid.colour === one) return;
        newest = { ...laid, colour: one };
        set([...hints.slice(0, -1), newest]);
      };
      return button;
    }));
  });

  // Painting.
  const painting = () => byId("paint").getAttribute("aria-pressed") === "true";
  toggle(byId("paint"), (on) => {
    stage.classList.toggle("painting", on);
    if (on) byId("dropper").setAttribute("aria-pressed", "false");
    if (on) { byId("line").value = 0; byId("split").style.setProperty("--at", "0%"); }
  });
  toggle(byId("dropper"), (on) => { if (on && painting()) byId("paint").click(); });

  function pick([x, y]) {
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0);
    const [red, green, blue] = pen.getImageData(Math.min(x * canvas.width, canvas.width - 1), Math.min(y * canvas.height, canvas.height - 1), 1, 1).data;
    setColour(`#${[red, green, blue].map((code) => code.toString(16).padStart(2, "0")).join("")}`);
    byId("dropper").setAttribute("aria-pressed", "false");
  }

  const lay = (where, place) => {
    newest = { ...where, colour: colour(), reach: byId("reach").value };
    set([...hints, newest]);
    likely(place);
  };

  let stroke = null;
  const cover = byId("line");
  cover.addEventListener("pointerdown", (event) => {
    const place = placeOf(event, image);
    if (!place) return;
    if (byId("dropper").getAttribute("aria-pressed") === "true") {
      event.preventDefault();
      pick(place);
    } else if (painting()) {
      event.preventDefault();
      stroke = [place];
      cover.setPointerCapture(event.pointerId);
    }
    byId("across").value = (place[0] * 100).toFixed(1);
    byId("down").value = (place[1] * 100).toFixed(1);
  });
  cover.addEventListener("pointermove", (event) => {
    const place = stroke && placeOf(event, image);
    if (!place) return;
    const [x, y] = stroke[stroke.length - 1];
    if (Math.hypot(place[0] - x, place[1] - y) > 0.01) stroke.push(place);
  });
  cover.addEventListener("pointerup", () => {
    if (!stroke) return;
    const points = stroke.map(([x, y]) => [Number(x.toFixed(6)), Number(y.toFixed(6))]);
    stroke = null;
    lay(points.length > 1 ? { points } : { x: points[0][0], y: points[0][1] }, points[0]);
  });
  byId("add").onclick = () => {
    const [x, y] = [byId("across").value / 100, byId("down").value / 100];
    lay({ x, y }, [x, y]);
  };
  byId("undo").onclick = () => {
    if (!history.length) return;
    hints = history.pop();
    show();
    preview();
  };
  byId("saturation").oninput = () => {
    ownSaturation = true;
    preview();
  };
  form.onsubmit = attempt(async (event) => {
    event.preventDefault();
    const like = reference ? { reference } : {};
    await post(`${path}/decide`, { note: byId("note").value, ...values(), ...like });
    toast(words.saved);
  });

  // Colours of another picture.
  let reference = "";
  const take = (name, found) => {
    if (!found.hints.length) return toast(say(words.like_none, { name }));
    reference = name;
    set([...hints.filter((hint) => !hint.soft), ...found.hints]);
    return toast(say(words.like_some, { count: found.hints.length, name }));
  };
  const likeFile = attempt(async (file) =>
    take(file.name, await send(`${path}/like-file?page=${page}`, "application/octet-stream", file)));
  const likeItem = attempt(async (address) => {
    const [, item, moment] = new URL(address).pathname.match(/\/item\/(\d+)(?:\/at\/(\d+))?/) || [];
    if (!item || path === `/item/${item}` || path === `/item/${item}/at/${moment}`) return;
    const other = moment ? { item: Number(item), moment: Number(moment) } : { item: Number(item) };
    const found = await post(`${path}/like?page=${page}`, other);
    take(found.name, found);
  });
  byId("like-file").onchange = (event) => {
    const [file] = event.target.files;
    if (file) likeFile(file);
    event.target.value = "";
  };
  for (const kind of ["dragover", "dragleave", "drop"])
    stage.addEventListener(kind, (event) => {
      event.preventDefault();
      stage.classList.toggle("over", kind === "dragover");
    });
  stage.addEventListener("drop", (event) => {
    const [file] = event.dataTransfer.files;
    const address = event.dataTransfer.getData("text/uri-list").split("\n")[0].trim();
    if (file) likeFile(file);
    else if (address) likeItem(address);
  });

  startZoom(path, page, image);
  if (image.complete && image.naturalWidth) show();
  image.addEventListener("load", show);
  window.addEventListener("resize", show);
  return { isPainting: painting };
}

function startZoom(path, page, image) {
  const zoomed = byId("zoomed");
  const button = byId("zoom");
  let at = [0.5, 0.5];
  let size = null;
  async function load() {
    const box = byId("stage").getBoundingClientRect();
    const width = Math.min(2048, Math.round(box.width));
    const height = Math.min(2048, Math.round(box.height));
    size ??= await (await fetch(`${base}${path}/size?page=${page}`)).json();
    const left = Math.max(0, Math.min(size.width - width, Math.round(at[0] * size.width - width / 2)));
    const top = Math.max(0, Math.min(size.height - height, Math.round(at[1] * size.height - height / 2)));
    zoomed.src = `${base}${path}/part?page=${page}&left=${left}&top=${top}&width=${width}&height=${height}`;
  }
  button.onclick = attempt(async () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    zoomed.hidden = !on;
    if (on) await load();
  });
  let from = null;
  zoomed.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    from = [event.clientX, event.clientY];
    zoomed.setPointerCapture(event.pointerId);
  });
  zoomed.addEventListener("pointerup", attempt(async (event) => {
    if (!from || !size) return;
    move((from[0] - event.clientX) / size.width, (from[1] - event.clientY) / size.height);
    from = null;
    await load();
  }));
  const move = (x, y) => {
    at = [Math.max(0, Math.min(1, at[0] + x)), Math.max(0, Math.min(1, at[1] + y))];
  };
  document.addEventListener("keydown", attempt(async (event) => {
    if (zoomed.hidden || typing(event) || !event.shiftKey || !size) return;
    const steps = { ArrowRight: [300, 0], ArrowLeft: [-300, 0], ArrowDown: [0, 300], ArrowUp: [0, -300] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    move(step[0] / size.width, step[1] / size.height);
    await load();
  }), true);
  image.addEventListener("pointermove", (event) => {
    at = placeOf(event, image) || at;
  });
}

if (body.dataset.page === "grid") startGrid();
if (body.dataset.page === "item") startItem();
