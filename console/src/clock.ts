// The server's clock: what it said, carried on by a clock of the browser that only runs forward.
// Pages ask here for the time, never the browser, whose clock may be wrong.

let serverMs: number | null = null;
let heardAt = 0;

export function heard(ms: number): void {
  serverMs = ms;
  heardAt = performance.now();
}

export const now = (): number => (serverMs === null ? Date.now() : Math.round(serverMs + performance.now() - heardAt));

/** How far the browser's clock is ahead of the server's. */
export const skew = (): number => (serverMs === null ? 0 : Date.now() - now());

/** From here on a wrong clock makes signatures fail. */
export const SKEW_MAX_MS = 900_000;
