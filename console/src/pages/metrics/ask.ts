// What the Metrics page asks of the server, and asking for it ahead: the counts are on their way
// before the page is drawn. It keeps nothing.
import { call, isAsked, keep, query } from "../../api.ts";
import type { Result } from "../../api.ts";
import { now } from "../../clock.ts";
import type { Place } from "../../router.ts";
import type { Metrics, Space } from "../../types.ts";
import { knows } from "../../zone.ts";
import { readState, resolve } from "./state.ts";
import type { MetricsState, Span } from "./state.ts";

/** The query for what is shown. */
export const asked = (state: MetricsState, span: Span, space: string): string =>
  query({ space, isv: state.isv, start: span.startMs, end: span.endMs, granularity: state.granularity, number: state.numbers });

export const countsPath = (state: MetricsState, span: Span, space: string): string => `metrics${asked(state, span, space)}&total=1`;

/**
 * The parameters of the call of the API for the same range: of the number that is chosen, or of all
 * numbers of the space. A call names one number at most, so that of several chosen ones is of all.
 */
export function callOf(state: MetricsState, span: Span, space: string): Record<string, string> {
  const one = state.numbers.length === 1 ? state.numbers[0] : undefined;
  return {
    ...(state.isv ? { IsvCode: state.isv } : {}),
    CustSpaceId: space,
    Granularity: state.granularity === "daily" ? "DAILY" : "HALF_HOUR",
    Start: String(span.startMs),
    End: String(span.endMs),
    ...(one ? { PhoneNumber: one } : {}),
  };
}

/** The space that an address means; without one the default. */
export function spaceOf(state: MetricsState, spaces: Space[]): Space | null {
  if (state.space === "") return spaces.find((one) => one.default) ?? spaces[0] ?? null;
  return spaces.find((one) => one.id === state.space && (one.isvCode ?? "") === state.isv) ?? null;
}

/** At the start of the window: spaces beside the session, counts as soon as both are there; ends with their answer. */
export function lookAhead(place: Place, session: Promise<boolean>): Promise<unknown> {
  if ((place.parts[0] ?? "metrics") !== "metrics") return Promise.resolve();
  const state = readState(place.query);
  return Promise.all([session, keep<{ spaces: Space[] }>("spaces", call("GET", "spaces"))]).then(([signedIn, spaces]) => {
    const space = signedIn && spaces.ok ? spaceOf(state, spaces.data.spaces) : null;
    if (!space) return undefined;
    const span = resolve(state, now(), knows(space.timeZone) ? space.timeZone : "UTC");
    const path = countsPath(state, span, space.id);
    const plain = countsPath(state, span, "");
    const ask = (of: string): Promise<Result<Metrics>> => call("GET", of);
    // What was asked for without a space may be of another one, or refused.
    const counts = isAsked(plain) ? ask(plain).then((answer) => ((answer.ok ? answer.data.space !== space.id : answer.error.kind === "refused") ? ask(path) : answer)) : ask(path);
    return keep(path, counts);
  });
}
