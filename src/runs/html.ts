/** A piece of markup, as opposed to text that has to be escaped. */
export interface Html {
  readonly html: string;
}

type Content = string | number | Html | undefined | readonly (string | number | Html | undefined)[];

/** Markup in which every inserted text is escaped, every inserted `Html` is kept and lists are joined. */
export function html(strings: TemplateStringsArray, ...contents: Content[]): Html {
  return { html: strings.map((text, index) => text + render(contents[index])).join("") };
}

/** Text that is markup already: an SVG that was just drawn, a style sheet. */
export function trusted(markup: string): Html {
  return { html: markup };
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

function render(content: Content): string {
  if (content === undefined) return "";
  if (typeof content === "string" || typeof content === "number") return escapeHtml(String(content));
  return "html" in content ? content.html : content.map(render).join("");
}
