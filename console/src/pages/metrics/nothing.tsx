// What stands where there is nothing to draw, and why: nothing was counted, nothing is kept so long,
// nothing could be read, or there is no space. None of them is a zero that was counted.
import type { JSX } from "preact";
import { EmptyState } from "../../components/states.tsx";
import { nothing as m } from "../../messages/en/nothing.ts";

export interface NothingProps {
  why: "unread" | "unkept" | "uncounted" | "spaceless";
  /** The range. */
  about: string;
  /** From when on counts are kept, where a part of the range is before it. */
  floor?: string | null;
  /** Whether the space has numbers. */
  numbers?: boolean;
}

const TITLES = { unread: m.unread, unkept: m.unkept, uncounted: m.emptyTitle, spaceless: m.noSpaces };

function whatOf(props: NothingProps): string {
  if (props.why === "unread") return m.unreadWhat;
  if (props.why === "unkept") return m.unkeptWhat(props.floor ?? "");
  if (props.why === "spaceless") return m.noSpacesWhat;
  return props.numbers ? m.emptyNumbers : m.emptyNew;
}

const Link = (props: { to: string; text: string }): JSX.Element => (
  <a class="button" href={`/console/${props.to}`}>
    {props.text}
  </a>
);

export function Nothing(props: NothingProps): JSX.Element {
  const { why, about, floor } = props;
  const events = (
    <>
      <Link to="ingest" text={m.toIngest} />
      <Link to="webhooks" text={m.toWebhooks} />
    </>
  );
  return (
    <EmptyState title={TITLES[why]} actions={why === "uncounted" ? events : why === "spaceless" ? <Link to="spaces" text={m.toSpaces} /> : null}>
      <p>{whatOf(props)}</p>
      {why === "uncounted" && floor && <p>{m.cut(floor)}</p>}
      {about && <p class="quiet small">{about}</p>}
    </EmptyState>
  );
}
