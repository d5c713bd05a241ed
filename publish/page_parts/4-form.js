/* The form ------------------------------------------------------------------------------------ */

function variantShown(name, checked) {
  const { title, description, advice, administrator } = DATA.variants[name];
  const id = `variant-${name}`;
  const radio = element("input", { type: "radio", name: "variant", id, value: name, checked });
  radio.setAttribute("aria-describedby", `${id}-hint ${id}-badge`);
  const badge = administrator
    ? element("span", { className: "badge bad" }, "Danger: its holder can become administrator")
    : element("span", { className: "badge good" }, advice);
  return element(
    "div", { className: administrator ? "variant risky" : "variant" }, radio,
    element("label", { htmlFor: id }, title),
    element("div", { className: "badges", id: `${id}-badge` }, ...(advice || administrator ? [badge] : [])),
    element("p", { className: "hint", id: `${id}-hint` }, `${description} In templates: `, element("code", {}, name)),
  );
}

function inputShown(name) {
  const { standard, choices } = DATA.parameters[name];
  if (!choices) return element("input", { type: "text", id: name, name, value: standard, autocomplete: "off", spellcheck: false });
  const select = element("select", { id: name, name }, ...choices.map((choice) => element("option", {}, choice)));
  select.value = standard;
  return select;
}

function fieldShown(name) {
  const { label, description } = DATA.parameters[name];
  const input = inputShown(name);
  input.setAttribute("aria-describedby", `${name}-hint ${name}-problem`);
  return element(
    "div", { className: "field", id: `field-${name}` },
    element("label", { htmlFor: name }, label),
    element("p", { className: "hint", id: `${name}-hint` }, description),
    input,
    element("p", { className: "problem", id: `${name}-problem` }),
  );
}

function update() {
  const shown = relevant();
  const problems = Object.fromEntries(shown.map((name) => [name, problemWith(name)]).filter(([, sentence]) => sentence));
  for (const [name, { group }] of Object.entries(DATA.parameters)) {
    byId(`field-${name}`).hidden = !shown.includes(name);
    byId(`${name}-problem`).textContent = problems[name] ?? "";
    byId(name).setAttribute("aria-invalid", String(name in problems));
    if (name in problems && group !== "open") byId(`fold-${group}`).open = true;
  }
  byId("further").hidden = shown.length === 0;
  byId("copied").textContent = "";
  showPermissions();
  showStack();
  showLaunch(problems);
}

/* One box with tabs: arrows move between them, as people who use a keyboard know it ------------ */

const KINDS = Object.keys(SNIPPETS);

function selectTab(kind) {
  for (const one of KINDS) {
    const selected = one === kind;
    byId(`tab-${key(one)}`).setAttribute("aria-selected", String(selected));
    byId(`tab-${key(one)}`).tabIndex = selected ? 0 : -1;
    byId(`panel-${key(one)}`).hidden = !selected;
  }
  byId("copy").textContent = `Copy for ${kind}`;
  byId("copied").textContent = "";
}

const selectedTab = () => KINDS.find((kind) => byId(`tab-${key(kind)}`).getAttribute("aria-selected") === "true");

function tabShown(kind) {
  const tab = element("button", { type: "button", id: `tab-${key(kind)}` }, kind);
  tab.setAttribute("role", "tab");
  tab.setAttribute("aria-controls", `panel-${key(kind)}`);
  tab.addEventListener("click", () => selectTab(kind));
  return tab;
}

function panelShown(kind) {
  const panel = element("div", { id: `panel-${key(kind)}`, tabIndex: 0 }, element("pre", { id: `snippet-${key(kind)}` }));
  panel.setAttribute("role", "tabpanel");
  panel.setAttribute("aria-labelledby", `tab-${key(kind)}`);
  return panel;
}

function moveTab(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const last = KINDS.length - 1;
  const to = step ? (KINDS.indexOf(selectedTab()) + step + KINDS.length) % KINDS.length : { Home: 0, End: last }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  selectTab(KINDS[to]);
  byId(`tab-${key(KINDS[to])}`).focus();
}

async function copySnippet() {
  const kind = selectedTab();
  await navigator.clipboard.writeText(byId(`snippet-${key(kind)}`).textContent);
  byId("copied").textContent = `${kind} code copied.`;
}

byId("region").append(...Object.keys(DATA.regions).map((name) => element("option", {}, name)));
byId("variants").append(...Object.keys(DATA.variants).map((name, index) => variantShown(name, index === 0)));
for (const [name, { group }] of Object.entries(DATA.parameters)) byId(`fields-${group}`).append(fieldShown(name));
byId("tabs").append(...KINDS.map(tabShown));
byId("tabs").addEventListener("keydown", moveTab);
byId("panels").append(...KINDS.map(panelShown));
byId("copy").addEventListener("click", copySnippet);
byId("choices").addEventListener("input", update);
byId("choices").addEventListener("submit", (event) => event.preventDefault());
for (const id of ["choices", "launch", "code-section"]) byId(id).hidden = false;
selectTab(KINDS[0]);
update();
