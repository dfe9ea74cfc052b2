// A router on the History API: paths below /console, the query as state. It knows no pages and
// renders nothing.
import { useEffect, useState } from "preact/hooks";

export const BASE = "/console";

export interface Place {
  /** Behind `/console/`, without slashes at the ends; empty for the start. */
  page: string;
  /** The parts of `page`. */
  parts: string[];
  query: URLSearchParams;
}

/** Where a path and a query are. */
export function placeOf(pathname: string, search: string): Place {
  const page = pathname.startsWith(`${BASE}/`) || pathname === BASE ? pathname.slice(BASE.length).replace(/^\/+|\/+$/g, "") : "";
  const parts = page === "" ? [] : page.split("/").map(decode);
  return { page, parts, query: new URLSearchParams(search) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const here = (): Place => placeOf(location.pathname, location.search);

/** The path of a page with a query. */
export function to(page: string, values: URLSearchParams | Record<string, string> = {}): string {
  const search = new URLSearchParams(values).toString();
  return `${BASE}/${page}${search === "" ? "" : `?${search}`}`;
}

const listeners = new Set<() => void>();
const tell = (): void => {
  for (const listener of listeners) listener();
};

export function navigate(path: string, how: { replace?: boolean; keepScroll?: boolean } = {}): void {
  if (how.replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  tell();
  if (!how.replace && !how.keepScroll) scrollTo(0, 0);
}

/** Where we are; renders again when that changes. */
export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const changed = (): void => setPlace(here());
    listeners.add(changed);
    addEventListener("popstate", changed);
    changed();
    return () => {
      listeners.delete(changed);
      removeEventListener("popstate", changed);
    };
  }, []);
  return place;
}

/** Turns clicks on plain links below /console into navigation. Once for the document. */
export function catchLinks(): void {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.("a[href]") as HTMLAnchorElement | null;
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (!link.pathname.startsWith(`${BASE}/`) || link.pathname.includes(".") || link.pathname.startsWith(`${BASE}/api/`)) return;
    if (link.hash && link.pathname === location.pathname) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}
