/* The link and the snippets ------------------------------------------------------------------ */

function launchUrl(region, parameters) {
  const query = { templateURL: region.template, stackName: DATA.name };
  for (const [name, given] of Object.entries(parameters)) query[`param_${name}`] = given;
  const encoded = Object.entries(query).map(([name, given]) => `${name}=${encodeURIComponent(given)}`);
  return `${region.console}#/stacks/create/review?${encoded.join("&")}`;
}

const widest = (parameters) => Math.max(...Object.keys(parameters).map((key) => key.length));

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
    ...Object.entries(parameters).map(([key, given]) => `        ${key}: ${JSON.stringify(given)}`),
  ].join("\n"),
  Terraform: (_, region, parameters) => [
    'resource "aws_cloudformation_stack" "restricted_iam_user" {', `  name         = "${DATA.name}"`,
    `  template_url = "${region.template}"`, '  capabilities = ["CAPABILITY_IAM"]', "  parameters = {",
    ...Object.entries(parameters).map(([key, given]) => `    ${key.padEnd(widest(parameters))} = ${JSON.stringify(given)}`), "  }", "}",
  ].join("\n"),
};

function showLaunch() {
  const problems = relevant().map(problemWith).filter(Boolean);
  const name = byId("region").value;
  const region = DATA.regions[name];
  byId("problems").hidden = problems.length === 0;
  byId("problems").textContent = problems.join(" ");
  if (problems.length) {
    byId("link").removeAttribute("href");
    byId("link").setAttribute("aria-disabled", "true");
  } else {
    byId("link").href = launchUrl(region, stackParameters());
    byId("link").removeAttribute("aria-disabled");
  }
  for (const [kind, write] of Object.entries(SNIPPETS)) {
    byId(`snippet-${kind}`).textContent = problems.length ? problems.join("\n") : write(name, region, stackParameters());
  }
}
