/* Permissions, rendered as the provider renders them ---------------------------------------- */

function variables() {
  const region = DATA.regions[byId("region").value];
  const given = Object.entries(DATA.placeholders).map(([name, { parameter, list: isList }]) => {
    const text = value(parameter) || (parameter === "Regions" ? byId("region").value : "");
    return [name, isList ? text.split(",") : text];
  });
  return {
    AWS_ACCOUNT_ID: "YOUR-ACCOUNT-ID", AWS_PARTITION: region.partition, AWS_DNS_SUFFIX: region.dnsSuffix,
    ...Object.fromEntries(given),
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
const counted = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;
const json = (node, className) => element("pre", { className }, JSON.stringify(node, null, 2));

function statementShown(statement, source) {
  const actions = list(statement.Action);
  const what = actions.includes("*") ? "Every action" : counted(actions.length, "action");
  const risky = source.administrator.includes(statement.Sid);
  return element(
    "div", { className: risky ? "permission risky" : "permission" },
    element("p", {}, source.reasons[statement.Sid] ?? statement.Sid),
    element("details", {}, element("summary", {}, `${what} (${statement.Sid})`), json(statement, "statement")),
  );
}

function policyShown(source, values, verb) {
  const rendered = render(source.document, values);
  const name = value("PolicyName") + source.nameSuffix;
  return element(
    "div", { className: "policy" },
    element("h3", {}, `${verb}: ${source.description}`),
    element("p", { className: "hint" }, "Managed policy ", element("code", {}, name)),
    ...rendered.Statement.map((statement) => statementShown(statement, source)),
    element("details", {}, element("summary", {}, `${name} as JSON`), json(rendered, "document")),
  );
}

const items = (sources) => element("ul", {}, ...sources.map((source) => element("li", {}, source.description)));

function showPermissions() {
  const { granting, limiting } = documents();
  const values = variables();
  const actions = new Set(granting.flatMap((source) => source.document.Statement.flatMap((one) => list(one.Action))));
  const policies = counted(granting.length, "managed policy", "managed policies");
  byId("grants-section").hidden = !granting.length;
  byId("grants-lead").textContent =
    `${counted(actions.size, "different action")} in ${policies}. Each sentence is one statement; open it to see what IAM gets.`;
  byId("summary").replaceChildren(
    ...(granting.length
      ? [`${counted(actions.size, "different action")} in ${policies}, and nothing else:`, items(granting)]
      : ["Nothing: no user is made."]),
  );
  document.querySelector("a[href='#grants']").hidden = !granting.length;
  byId("limits-row").hidden = !limiting.length;
  byId("limits").replaceChildren(items(limiting));
  byId("policies").replaceChildren(
    ...granting.map((source) => policyShown(source, values, "Allows")),
    ...limiting.map((source) => policyShown(source, values, "Limits")),
  );
}

/** What stands in the account afterwards, and what it costs there. */
function showStack() {
  const makesUser = variant().documents.length > 0;
  const copies = value("ReplicaRegions") ? value("ReplicaRegions").split(",").length : 0;
  const code = (text) => element("code", {}, text);
  byId("makes").replaceChildren(
    ...(makesUser
      ? ["the user ", code(value("UserName")), ", its policies, and an access key in the secret ",
          code(DATA.secretPrefix + value("UserName")), copies ? ` with ${counted(copies, "copy", "copies")}` : "",
          "; functions, roles, a table and logs that ", element("a", { href: "#beside" }, "serve them")]
      : ["functions, roles, a table and logs that ", element("a", { href: "#beside" }, "serve other stacks")]),
  );
  byId("costs").textContent = makesUser
    ? `About ${(0.4 * (1 + copies)).toFixed(2)} USD a month for ${counted(1 + copies, "secret")}. ` +
      "Functions, table and logs cost a few cents at most."
    : "A few cents a month at most; each user of another stack costs 0.40 USD a month for its secret.";
}
