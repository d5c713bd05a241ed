/* The link and the snippets ------------------------------------------------------------------ */

function launchUrl(region, parameters) {
  const query = { templateURL: region.template, stackName: DATA.name };
  for (const [name, given] of Object.entries(parameters)) query[`param_${name}`] = given;
  const encoded = Object.entries(query).map(([name, given]) => `${name}=${encodeURIComponent(given)}`);
  return `${region.console}#/stacks/create/review?${encoded.join("&")}`;
}

/** A kind as part of an id, which holds no spaces. */
const key = (kind) => kind.replace(" ", "-");

const widest = (parameters) => Math.max(...Object.keys(parameters).map((parameter) => parameter.length));

const SNIPPETS = {
  "AWS CLI": (name, region, parameters) => {
    const pairs = Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({ ParameterKey, ParameterValue }));
    return [
      "aws cloudformation create-stack", `--region ${name}`, `--stack-name ${DATA.name}`,
      `--template-url ${region.template}`, "--capabilities CAPABILITY_IAM", `--parameters '${JSON.stringify(pairs)}'`,
    ].join(" \\\n  ");
  },
  CloudFormation: (_, region, parameters) => [
    "Resources:", "  RestrictedIamUser:", "    Type: AWS::CloudFormation::Stack", "    Properties:",
    `      TemplateURL: ${region.template}`, "      Parameters:",
    ...Object.entries(parameters).map(([parameter, given]) => `        ${parameter}: ${JSON.stringify(given)}`),
  ].join("\n"),
  Terraform: (_, region, parameters) => [
    'resource "aws_cloudformation_stack" "restricted_iam_user" {', `  name         = "${DATA.name}"`,
    `  template_url = "${region.template}"`, '  capabilities = ["CAPABILITY_IAM"]', "  parameters = {",
    ...Object.entries(parameters).map(([parameter, given]) => `    ${parameter.padEnd(widest(parameters))} = ${JSON.stringify(given)}`), "  }", "}",
  ].join("\n"),
};

/** `problems` are the sentences by parameter; while there are any, there is nothing to follow or to copy. */
function showLaunch(problems) {
  const name = byId("region").value;
  const region = DATA.regions[name];
  const wrong = Object.keys(problems).length > 0;
  const risky = variant().administrator;
  byId("warning").hidden = !risky;
  byId("problems").hidden = !wrong;
  byId("problems").replaceChildren(
    element("strong", {}, "Correct this before you launch:"),
    element("ul", {}, ...Object.entries(problems).map(([parameter, sentence]) =>
      element("li", {}, element("a", { href: `#${parameter}` }, sentence)))),
  );
  byId("link").className = risky ? "button risky" : "button";
  byId("link").textContent = risky
    ? "Launch anyway, with the risk of an administrator (new tab)"
    : "Launch the stack in the AWS console (new tab)";
  if (wrong) byId("link").removeAttribute("href");
  else byId("link").href = launchUrl(region, stackParameters());
  byId("link").toggleAttribute("aria-disabled", wrong);
  if (wrong) byId("link").setAttribute("aria-disabled", "true");
  byId("copy").disabled = wrong;
  for (const [kind, write] of Object.entries(SNIPPETS)) {
    byId(`snippet-${key(kind)}`).textContent = wrong
      ? "The code appears here when every field is right."
      : write(name, region, stackParameters());
  }
}
