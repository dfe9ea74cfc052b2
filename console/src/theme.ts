// Light, dark or as the system: the one thing that is kept in the browser. Colours are in
// styles/tokens.css; the chart asks here for their resolved values, because a canvas knows no tokens.

export type Theme = "system" | "light" | "dark";
const KEY = "chatmetric.theme";
const ORDER: Theme[] = ["system", "light", "dark"];
const listeners = new Set<() => void>();
const colours = new Map<string, string>();

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

let current: Theme = "system";
export const theme = (): Theme => current;

function apply(next: Theme): void {
  current = next;
  colours.clear();
  if (next === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = next;
  for (const listener of listeners) listener();
}

export function startTheme(): void {
  apply(stored());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => apply(current));
}

export function nextTheme(): Theme {
  const next = ORDER[(ORDER.indexOf(current) + 1) % ORDER.length]!;
  try {
    if (next === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  apply(next);
  return next;
}

export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A token as a colour that a canvas understands. */
export function colour(token: string): string {
  const known = colours.get(token);
  if (known !== undefined) return known;
  const probe = document.createElement("i");
  probe.hidden = true;
  probe.style.color = `var(--${token})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  colours.set(token, value);
  return value;
}
