// What stands where data cannot: skeleton, empty, error, denied; and banners above data that is
// partial or old. Each looks like itself, and none shows a zero.
import type { ComponentChildren, JSX } from "preact";
import type { Failure } from "../api.ts";
import { failureText, shell as m } from "../messages/en/shell.ts";
import type { Denied } from "../types.ts";
import { CopyButton } from "./copy.tsx";
import { AlertIcon, EmptyIcon, LockIcon, PlugIcon } from "./icons.tsx";
import type { Loading } from "./load.ts";

export function Skeleton(props: { height: number; shown?: boolean }): JSX.Element {
  return (
    <div style={{ height: `${props.height}px` }} class={props.shown === false ? "pending" : "pending skeleton"} role="status">
      <span class="visually-hidden">{m.loading}</span>
    </div>
  );
}

export function EmptyState(props: { title: string; children?: ComponentChildren; actions?: ComponentChildren }): JSX.Element {
  return (
    <div class="blank">
      <EmptyIcon class="icon" />
      <h2>{props.title}</h2>
      {props.children}
      {props.actions && <div class="row">{props.actions}</div>}
    </div>
  );
}

/** What went wrong, in words. */
export function failureTitle(error: Failure): string {
  if (error.kind === "offline") return error.code === "Timeout" ? m.timeout : m.offline;
  if (error.kind === "expired") return m.expiredTitle;
  if (error.kind === "denied" && error.denied) return m.deniedTitle(error.denied.action);
  return failureText[error.code] ?? (error.kind === "broken" ? m.broken : error.code);
}

export function DeniedStatement(props: { denied: Denied }): JSX.Element {
  if (!props.denied.statement) return <p>{m.deniedByPolicy(props.denied.resource)}</p>;
  const text = JSON.stringify(props.denied.statement, null, 2);
  return (
    <>
      <p>{m.deniedWhat(props.denied.resource)}</p>
      <pre tabIndex={0}>{text}</pre>
      <div class="row">
        <CopyButton text={text} />
        <a class="button" href="/console/access/policies">
          {m.toAccess}
        </a>
      </div>
    </>
  );
}

export function ErrorState(props: { error: Failure; retry?: () => void }): JSX.Element {
  const { error } = props;
  const denied = error.kind === "denied" ? error.denied : null;
  const Icon = denied ? LockIcon : error.kind === "offline" ? PlugIcon : AlertIcon;
  return (
    <div class={`blank ${denied ? "denied" : "error"}`} role="alert">
      <Icon class="icon" />
      <h2>{failureTitle(error)}</h2>
      {denied ? <DeniedStatement denied={denied} /> : <p>{error.kind === "offline" ? m.offlineWhat : error.message || m.brokenWhat}</p>}
      {error.kind !== "offline" && (
        <p class="request-id">
          {error.code}
          {error.requestId && ` · ${m.requestId(error.requestId)}`}
        </p>
      )}
      {props.retry && !denied && (
        <div class="row">
          <button class="button" type="button" onClick={props.retry}>
            {m.retry}
          </button>
        </div>
      )}
    </div>
  );
}

export function Banner(props: { tone?: "warn" | "bad" | "ok"; children: ComponentChildren; action?: ComponentChildren }): JSX.Element {
  return (
    <div class={`banner ${props.tone ?? ""}`} role={props.tone === "bad" ? "alert" : "status"}>
      <div>{props.children}</div>
      {props.action}
    </div>
  );
}

/** An error of something that was asked for by a button, in one line. */
export function Failed(props: { error: Failure | null; retry?: () => void }): JSX.Element | null {
  const { error } = props;
  if (!error) return null;
  if (error.kind === "denied" && error.denied) {
    return (
      <div class="banner bad" role="alert">
        <div class="stack tight">
          <b>{failureTitle(error)}</b>
          <DeniedStatement denied={error.denied} />
        </div>
      </div>
    );
  }
  const title = failureTitle(error);
  return (
    <Banner
      tone="bad"
      action={
        props.retry && (
          <button class="button slim" type="button" onClick={props.retry}>
            {m.retry}
          </button>
        )
      }
    >
      <b>{title}</b> {error.message !== title && error.message} {error.requestId && <span class="request-id">{error.requestId}</span>}
    </Banner>
  );
}

/** Data, or what stands in its place; old data stays under a banner when a refresh fails. */
export function Loaded<T>(props: { of: Loading<T>; height?: number; children: (data: T) => ComponentChildren }): JSX.Element {
  const { data, error, slow, busy, reload } = props.of;
  if (data === null) {
    if (error) return <ErrorState error={error} retry={reload} />;
    return <Skeleton height={props.height ?? 240} shown={slow} />;
  }
  return (
    <>
      {error && <Failed error={error} retry={reload} />}
      <div class={`progress-line${slow && busy ? " on" : ""}`} />
      {props.children(data)}
    </>
  );
}
