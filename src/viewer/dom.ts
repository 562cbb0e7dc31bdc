/** Elements of the page: found by id, made, and changed only where they differ. */

/** @throws {TypeError} where the page does not have it, or has another kind of element */
export function byId<E extends Element = HTMLElement>(id: string, kind?: abstract new () => E): E {
  const found = document.getElementById(id);
  if (found === null || (kind !== undefined && !(found instanceof kind))) {
    throw new TypeError(`#${id}: expected ${kind?.name ?? "an element"}, got ${String(found)}`);
  }
  return found as unknown as E;
}

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) setAttribute(element, key, value);
  element.append(...children);
  return element;
}

/** `undefined` and `false` take it away. */
export function setAttribute(
  element: Element,
  name: string,
  value: string | number | boolean | undefined,
): void {
  if (value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** `data-in-flight-bytes` from `inFlightBytes`; what is not known has none. */
export function setData(
  element: HTMLElement | SVGElement,
  values: Readonly<Record<string, string | number | undefined>>,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) delete element.dataset[name];
    else {
      const text = String(value);
      if (element.dataset[name] !== text) element.dataset[name] = text;
    }
  }
}

/** A colour of the theme. */
export function colourOf(property: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(property).trim();
}
