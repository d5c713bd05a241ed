/* The form ------------------------------------------------------------------------------------ */

function variantShown(name, checked) {
  const id = `variant-${name}`;
  const radio = element("input", { type: "radio", name: "variant", id, value: name, checked });
  radio.setAttribute("aria-describedby", `${id}-hint`);
  return element(
    "div", { className: "variant" }, radio, element("label", { htmlFor: id }, name),
    element("p", { className: "hint", id: `${id}-hint` }, DATA.variants[name].description),
  );
}

function fieldShown(name) {
  const { label, description, standard } = DATA.parameters[name];
  const input = element("input", { type: "text", id: name, name, value: standard, autocomplete: "off", spellcheck: false });
  input.setAttribute("aria-describedby", `${name}-hint ${name}-problem`);
  return element(
    "div", { className: "field", id: `field-${name}` },
    element("label", { htmlFor: name }, label),
    element("p", { className: "hint", id: `${name}-hint` }, description),
    input,
    element("p", { className: "problem", id: `${name}-problem` }),
  );
}

function snippetShown(kind) {
  const text = element("pre", { id: `snippet-${kind}` });
  const button = element("button", { type: "button" }, `Copy for ${kind}`);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text.textContent);
    byId("copied").textContent = `${kind} snippet copied.`;
  });
  return element("div", {}, element("h3", {}, kind), text, button);
}

function update() {
  for (const name of Object.keys(DATA.parameters)) {
    const problem = relevant().includes(name) ? problemWith(name) : "";
    byId(`field-${name}`).hidden = !relevant().includes(name);
    byId(`${name}-problem`).textContent = problem;
    byId(name).setAttribute("aria-invalid", String(problem !== ""));
  }
  byId("copied").textContent = "";
  showPermissions();
  showLaunch();
}

byId("version").textContent = DATA.version;
byId("region").append(...Object.keys(DATA.regions).map((name) => element("option", {}, name)));
byId("variants").append(...Object.keys(DATA.variants).map((name, index) => variantShown(name, index === 0)));
byId("fields").append(...Object.keys(DATA.parameters).map(fieldShown));
byId("snippets").append(...Object.keys(SNIPPETS).map(snippetShown));
byId("choices").addEventListener("input", update);
byId("choices").addEventListener("submit", (event) => event.preventDefault());
update();
