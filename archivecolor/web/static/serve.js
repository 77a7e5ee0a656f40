// Anyone's pictures: sent one after the other, watched while they are coloured, given back.
"use strict";

if (body.dataset.page === "serve") {
  const most = Number(body.dataset.mostBytes);
  const cards = byId("cards");
  const known = new Map();
  let session = sessionStorage.getItem("session");
  let polling = null;

  const at = (path) => `/s/${session}${path}`;

  async function begin() {
    if (session) return;
    ({ session } = await post("/session", {}));
    sessionStorage.setItem("session", session);
  }

  function over() {
    session = null;
    sessionStorage.removeItem("session");
    known.clear();
    cards.replaceChildren();
    byId("all").hidden = true;
    drop.classList.remove("small");
  }

  async function send(files) {
    await begin();
    for (const file of files) {
      if (file.size > most) {
        toast(say(words.too_large, { name: file.name, megabytes: Math.round(most / 1e6) }));
        continue;
      }
      const answer = await fetch(`${base}${at("/pictures")}?name=${encodeURIComponent(file.name)}`, {
        method: "POST",
        headers: { "Content-Type": "application/octet-stream" },
        body: file,
      });
      if (!answer.ok) throw new Error(await answer.text());
      watch();
    }
  }

  // What was dropped: files, and all that folders hold.
  async function filesOf(items) {
    const found = [];
    const entries = [...items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    while (entries.length) {
      const entry = entries.shift();
      if (entry.isFile) {
        found.push(await new Promise((done, failed) => entry.file(done, failed)));
      } else {
        const reader = entry.createReader();
        let some;
        do {
          some = await new Promise((done, failed) => reader.readEntries(done, failed));
          entries.push(...some);
        } while (some.length);
      }
    }
    return found.filter((file) => !file.name.startsWith("."));
  }

  const drop = byId("drop");
  for (const kind of ["dragover", "dragleave", "drop"])
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
    });
  document.addEventListener("drop", attempt(async (event) => send(await filesOf(event.dataTransfer.items))));
  for (const id of ["files", "folder"])
    byId(id).onchange = attempt(async (event) => {
      await send([...event.target.files]);
      event.target.value = "";
    });

  function element(kind, values, ...children) {
    const made = Object.assign(document.createElement(kind), values);
    made.append(...children);
    return made;
  }

  function cardOf(picture) {
    const path = `${base}${at(`/item/${picture.number}`)}`;
    const frame = element("div", { className: "frame" });
    const caption = element("div", { className: "caption" }, picture.name);
    if (picture.status === "done") {
      const query = `v=${picture.version}`;
      const split = element(
        "div", { className: "split" },
        element("img", { src: `${path}/view?side=grey&${query}`, alt: `${words.grey}: ${picture.name}` }),
        element("img", { className: "coloured", src: `${path}/view?${query}`, alt: `${words.coloured}: ${picture.name}` }),
        element("input", { type: "range", min: 0, max: 100, value: 50, ariaLabel: say(words.split_of, { name: picture.name }) }),
      );
      frame.append(split);
      caption.append(element(
        "div", { className: "steps" },
        element("a", { href: path, textContent: words.mend }),
        element("a", { href: `${path}/file`, download: "", textContent: words.download }),
      ));
    } else {
      const text = picture.status === "failed" ? say(words.failed_why, { detail: picture.detail }) : words[picture.status];
      frame.append(element("p", { className: "why", textContent: text }));
    }
    const busy = picture.status === "waiting" || picture.status === "working";
    return element("li", { className: busy ? "card busy" : "card" }, frame, caption);
  }

  async function look() {
    const answer = await fetch(`${base}${at("/state")}`);
    if (answer.status === 422) {
      over();
      toast(words.over);
      return false;
    }
    const { pictures } = await answer.json();
    for (const picture of pictures) {
      const before = known.get(picture.number);
      if (before && before.version === picture.version) continue;
      const card = cardOf(picture);
      if (before) before.card.replaceWith(card);
      else cards.append(card);
      known.set(picture.number, { version: picture.version, card });
    }
    const done = pictures.filter((picture) => picture.status === "done").length;
    byId("all").hidden = !pictures.length;
    drop.classList.toggle("small", pictures.length > 0);
    byId("download-all").hidden = !done;
    byId("download-all").href = `${base}${at("/all.zip")}`;
    const failed = pictures.filter((picture) => picture.status === "failed").length;
    const counted = failed ? words.count_failed : words.count_done;
    byId("count").textContent = say(counted, { done, failed, count: pictures.length });
    return pictures.some((picture) => picture.status === "waiting" || picture.status === "working");
  }

  function watch() {
    if (polling) return;
    polling = setInterval(attempt(async () => {
      if (!session || !(await look())) {
        clearInterval(polling);
        polling = null;
      }
    }), 700);
  }

  byId("forget").onclick = attempt(async () => {
    await post(at("/end"), {});
    over();
    toast(words.forgotten);
  });
  if (session) watch();
}
