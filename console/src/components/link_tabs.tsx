// Tabs that are pages of their own: links, of which the current one is always in view, also where
// not all of them have room.
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Tab } from "./tabs.tsx";

export function LinkTabs(props: { label: string; tabs: (Tab & { href: string })[]; value: string }): JSX.Element {
  const list = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const link = list.current?.querySelector<HTMLElement>('[aria-current="page"]');
    if (list.current && link) list.current.scrollLeft = link.offsetLeft - list.current.offsetLeft - list.current.clientWidth / 2 + link.offsetWidth / 2;
  }, [props.value]);
  return (
    <nav class="tabs" aria-label={props.label} ref={list}>
      {props.tabs.map((tab) => (
        <a key={tab.key} class="tab" href={tab.href} aria-current={tab.key === props.value ? "page" : undefined}>
          {tab.title}
        </a>
      ))}
    </nav>
  );
}
