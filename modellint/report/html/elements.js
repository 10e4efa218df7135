"use strict";
// Elements made of plain values. Texts become text nodes: nothing of a report is read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes; functions are listeners, null and false are left out. */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

function html(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** The value of a block of data, which is read when it is first needed. */
function data(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

/** A place as code that breaks where a path does, and elsewhere only where it must. */
function place(text) {
  return html("code", {}, breaking(text));
}

/** A name or path with the places where it may be broken. */
function breaking(text) {
  return text.split(/(?<=[/:._(])|(?<=[a-z])(?=[A-Z])/).flatMap((part, at) => (at ? [html("wbr", {}), part] : [part]));
}

/** 25,557,032 */
function count(number) {
  return number === null ? "" : number.toLocaleString("en-US");
}

/** 25.6 M: what a number is at a glance. */
function short(number) {
  if (number === null) return "\u2013";
  let unit = 0;
  let left = number;
  // What would print as 1000 of a unit is 1 of the next.
  while (left >= 999.5 && unit < 5) {
    left /= 1000;
    unit += 1;
  }
  const digits = unit && left < 99.95 ? (left < 9.995 ? 2 : 1) : 0;
  return left.toFixed(digits) + ["", " k", " M", " G", " T", " P"][unit];
}

/** 3.21: bytes in megabytes; nothing for none. */
function mega(bytes) {
  if (!bytes) return null;
  return bytes < 5000 ? "<0.01" : (bytes / 1e6).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 || noun === "info" ? "" : "s"}`;
}

/** A severity as a sign and a word; the sign's shape tells as much as its colour. */
function severity(name, text) {
  return html("span", { class: `severity ${name}` }, sign(name), text === undefined ? name : text);
}

const SIGNS = {
  error: "M6 0 12 6 6 12 0 6Z",
  warning: "M6 .8 12 11.2H0Z",
  info: "M6 0a6 6 0 1 1 0 12A6 6 0 0 1 6 0Z",
};

function sign(name) {
  const shape = svg("path", { d: SIGNS[name] });
  return svg("svg", { class: `sign ${name}`, viewBox: "0 0 12 12", "aria-hidden": "true" }, shape);
}

const GRAVEST = ["error", "warning", "info"];

function worst(severities) {
  return GRAVEST.find((one) => severities.includes(one)) || null;
}

/** Move among several elements of which one at a time takes the focus. */
function rove(elements, chosen) {
  for (const element of elements) element.setAttribute("tabindex", element === chosen ? "0" : "-1");
}
