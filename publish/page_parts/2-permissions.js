/* Permissions, rendered as the provider renders them ---------------------------------------- */

function variables() {
  const region = DATA.regions[byId("region").value];
  const given = Object.entries(DATA.placeholders).map(([name, parameter]) => [name, value(parameter)]);
  const regions = value("Regions") || byId("region").value;
  return {
    AWS_ACCOUNT_ID: "YOUR-ACCOUNT-ID", AWS_PARTITION: region.partition, AWS_DNS_SUFFIX: region.dnsSuffix,
    ...Object.fromEntries(given), AWS_REGION: regions.split(","),
  };
}

function render(node, values) {
  if (typeof node === "string") return node.replace(PLACEHOLDER, (_, name) => values[name]);
  if (Array.isArray(node)) return node.flatMap((item) => renderItem(item, values));
  if (node === null || typeof node !== "object") return node;
  return Object.fromEntries(Object.entries(node).map(([key, item]) => [render(key, values), render(item, values)]));
}

function renderItem(item, values) {
  const whole = typeof item === "string" && item.match(/^\$([A-Z][A-Z0-9_]*)$/);
  return whole ? values[whole[1]] : [render(item, values)];
}

const list = (one) => (Array.isArray(one) ? one : [one]);

function statementShown(statement) {
  const actions = list(statement.Action).map((action) => element("li", {}, element("code", {}, action)));
  const shown = [
    element("h3", {}, `${statement.Effect}: ${statement.Sid ?? "statement"}`),
    element("ul", { className: "actions" }, ...actions),
    element("p", { className: "hint" }, `On ${list(statement.Resource).join(", ")}`),
  ];
  if (statement.Condition) {
    shown.push(element("p", { className: "hint" }, `Only if ${JSON.stringify(statement.Condition)}`));
  }
  return element("div", {}, ...shown);
}

function policyShown(source, values) {
  const document_ = render(source.document, values);
  const count = document_.Statement.reduce((sum, statement) => sum + list(statement.Action).length, 0);
  const name = value("PolicyName") + source.nameSuffix;
  const json = element("pre", { className: "document" }, JSON.stringify(document_, null, 2));
  return element(
    "details", {},
    element("summary", {}, `${name}: ${source.description} (${count} actions)`),
    ...document_.Statement.map(statementShown),
    element("details", {}, element("summary", {}, `${name} as JSON`), json),
  );
}

function showPermissions() {
  const variant = DATA.variants[chosenVariant()];
  const values = variables();
  const actions = new Set(
    variant.documents.flatMap((source) => source.document.Statement.flatMap((s) => list(s.Action))),
  );
  byId("summary").textContent = variant.documents.length
    ? `${actions.size} different actions in ${variant.documents.length} managed ` +
      `${variant.documents.length === 1 ? "policy" : "policies"}, and nothing else.`
    : "Nothing: no user is made. Other stacks may then ask the provider for one.";
  byId("warning").hidden = !variant.administrator;
  byId("policies").replaceChildren(...variant.documents.map((source) => policyShown(source, values)));
}
