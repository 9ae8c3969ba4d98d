// Elements in one line. Text is always set as text, never as markup.

type Child = Node | string | null | undefined | false;

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Record<string, string> = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const child of children) if (child) element.append(child);
  return element;
}

export function button(text: string, label: string, act: () => void, className = ""): HTMLButtonElement {
  const element = h("button", { type: "button", title: label, "aria-label": label, class: className }, text);
  element.addEventListener("click", act);
  return element;
}

/** A section with a heading and, below it, what the reader should know. */
export function section(id: string, title: string, note: string, ...children: Child[]): HTMLElement {
  return h("section", { id }, h("h2", {}, title), note ? h("p", { class: "note" }, note) : null, ...children);
}

export function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
