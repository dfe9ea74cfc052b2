// A moment as people read it: how long ago, with the exact time and zone on pointing at it.
import type { JSX } from "preact";
import { now } from "../clock.ts";
import { NOTHING, ago, iso, momentSeconds } from "../format.ts";
import { shell as m } from "../messages/en/shell.ts";

export function When(props: { ms: number | null; zone?: string; exact?: boolean }): JSX.Element {
  if (props.ms === null || props.ms === undefined) return <span class="quiet">{NOTHING}</span>;
  const zone = props.zone ?? "UTC";
  const exact = `${momentSeconds(props.ms, zone)} ${zone}`;
  const since = ago(Math.max(0, now() - props.ms));
  return (
    <time dateTime={iso(props.ms)} title={exact} class="nowrap">
      {props.exact ? exact : since === m.now ? since : m.ago(since)}
    </time>
  );
}
