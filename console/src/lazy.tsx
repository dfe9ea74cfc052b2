// A page that is loaded when it is asked for, with the frame it stands in. A page that cannot be
// loaded says so and offers to load the window again.
import type { ComponentChildren, ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { EmptyState, Skeleton } from "./components/states.tsx";
import { shell as m } from "./messages/en/shell.ts";
import type { Place } from "./router.ts";

export interface PageProps {
  place: Place;
}

/** Something that is loaded when it is first rendered; null until then and when it fails. */
export function useModule<T>(load: () => Promise<T>): T | null {
  const [module, setModule] = useState<{ loaded: T } | null>(null);
  useEffect(() => {
    let here = true;
    load().then(
      (loaded) => here && setModule({ loaded }),
      () => undefined,
    );
    return () => {
      here = false;
    };
  }, []);
  return module?.loaded ?? null;
}

export function LazyPage(props: { load: () => Promise<{ default: ComponentType<PageProps> }>; place: Place }): JSX.Element {
  const [page, setPage] = useState<{ Page: ComponentType<PageProps> } | "failed" | null>(null);
  useEffect(() => {
    let here = true;
    props.load().then(
      (module) => here && setPage({ Page: module.default }),
      () => here && setPage("failed"),
    );
    return () => {
      here = false;
    };
  }, []);
  if (page === null) return <Frame title=""><Skeleton height={320} shown={false} /></Frame>;
  if (page === "failed") {
    return (
      <Frame title={m.chunkFailed}>
        <EmptyState
          title={m.chunkFailed}
          actions={
            <button type="button" class="button" onClick={() => location.reload()}>
              {m.reload}
            </button>
          }
        >
          <p>{m.chunkFailedWhat}</p>
        </EmptyState>
      </Frame>
    );
  }
  return <page.Page place={props.place} />;
}

/** The frame of a page: its heading, what can be done, its content. Sets the window's title. */
export function Frame(props: { title: string; heading?: ComponentChildren; lead?: ComponentChildren; actions?: ComponentChildren; children: ComponentChildren }): JSX.Element {
  useEffect(() => {
    if (props.title) document.title = m.title(props.title);
  }, [props.title]);
  return (
    <main class="page" id="main" tabIndex={-1}>
      <div class="page-head">
        <h1>{props.heading ?? props.title}</h1>
        <span class="grow" />
        {props.actions}
        {props.lead && (
          <p class="lead">
            <span>{props.lead}</span>
          </p>
        )}
      </div>
      {props.children}
    </main>
  );
}
