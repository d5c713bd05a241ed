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
const value = (parameter) => byId(parameter).value.trim();

/** Parameters that matter to the chosen variant: those behind the placeholders that it uses. */
function relevant() {
  const variant = DATA.variants[chosenVariant()];
  return variant.documents.length ? ["UserName", "PolicyName", ...variant.parameters] : [];
}

function problemWith(parameter) {
  const { pattern, constraint, label, needed } = DATA.parameters[parameter];
  if (needed && !value(parameter)) return `${label} is needed by ${chosenVariant()}.`;
  return new RegExp(`^(?:${pattern})$`).test(value(parameter)) ? "" : `${label} ${constraint}.`;
}

function stackParameters() {
  const given = relevant().filter((name) => value(name) !== "");
  return { PolicyTemplate: chosenVariant(), ...Object.fromEntries(given.map((name) => [name, value(name)])) };
}
