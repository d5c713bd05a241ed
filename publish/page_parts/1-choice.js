"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
const PLACEHOLDER = /\$([A-Z][A-Z0-9_]*)/g;
const byId = (id) => document.getElementById(id);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/* The choice ------------------------------------------------------------------------------- */

const chosenVariant = () => byId("choices").elements.variant.value;
const variant = () => DATA.variants[chosenVariant()];
const value = (parameter) => byId(parameter).value.trim();
const isStandard = (parameter) => value(parameter) === String(DATA.parameters[parameter].standard);

/** Parameters that matter to the chosen variant: those of no policy, and those that its policies use. */
function relevant() {
  if (!variant().documents.length) return [];
  const ofPolicies = Object.values(DATA.placeholders).map((placeholder) => placeholder.parameter);
  const matters = (name) => !ofPolicies.includes(name) || name in DATA.options || variant().parameters.includes(name);
  return Object.keys(DATA.parameters).filter(matters);
}

function problemWith(parameter) {
  const { pattern, constraint, label } = DATA.parameters[parameter];
  if (variant().needed.includes(parameter) && !value(parameter)) return `${label} is needed for this choice.`;
  return new RegExp(`^(?:${pattern})$`).test(value(parameter)) ? "" : `${label} ${constraint}.`;
}

/** The documents of the variant, and those of the limits that were chosen. */
function documents() {
  const limits = Object.entries(DATA.options).filter(([name]) => relevant().includes(name) && !isStandard(name));
  return { granting: variant().documents, limiting: limits.map(([, source]) => source) };
}

/** What the template does not assume by itself. */
function stackParameters() {
  const given = relevant().filter((name) => name === "UserName" || !isStandard(name));
  return { PolicyTemplate: chosenVariant(), ...Object.fromEntries(given.map((name) => [name, value(name)])) };
}
