// The bar above every page: where one can go, colours, who is signed in. It shows only what the
// user's rights let one do something with.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "./api.ts";
import { SKEW_MAX_MS, skew } from "./clock.ts";
import { MoonIcon, Mark, SunIcon, SunMoonIcon, DownIcon } from "./components/icons.tsx";
import { Banner } from "./components/states.tsx";
import { decimal } from "./format.ts";
import { shell as m } from "./messages/en/shell.ts";
import type { Place } from "./router.ts";
import { useMay, useSession } from "./session.ts";
import { nextTheme, theme } from "./theme.ts";
import { MINUTE } from "./zone.ts";

interface Entry {
  page: string;
  title: string;
  /** Without one of these rights the entry is not there. */
  needs?: string[];
  operator?: boolean;
}

const ENTRIES: Entry[] = [
  { page: "metrics", title: m.pages.metrics },
  { page: "explorer", title: m.pages.explorer },
  { page: "ingest", title: m.pages.ingest, needs: ["chatmetric:ReadIngest", "chatmetric:ImportEvents"] },
  { page: "numbers", title: m.pages.numbers, needs: ["chatmetric:ReadDirectory"] },
  { page: "spaces", title: m.pages.spaces, needs: ["chatmetric:ReadDirectory"] },
  { page: "webhooks", title: m.pages.webhooks, needs: ["chatmetric:ReadDirectory", "chatmetric:ChangeWebhooks"] },
  { page: "access", title: m.pages.access, needs: ["ram:ListUsers", "ram:ListPolicies", "chatmetric:ChangeGrants"] },
  { page: "alerts", title: m.pages.alerts, needs: ["chatmetric:ReadAlerts"] },
  { page: "accounts", title: m.pages.accounts, needs: ["chatmetric:ManageAccounts"], operator: true },
  { page: "system", title: m.pages.system, needs: ["chatmetric:ReadSystem"], operator: true },
];

const MENU: Entry[] = [
  { page: "account", title: m.pages.account },
  { page: "signature", title: m.pages.signature },
  { page: "audit", title: m.pages.audit, needs: ["chatmetric:ReadAudit"] },
  { page: "third-party", title: m.licences },
];

function ThemeButton(): JSX.Element {
  const [now, setNow] = useState(theme());
  const Icon = { system: SunMoonIcon, light: SunIcon, dark: MoonIcon }[now];
  return (
    <button type="button" class="icon-button" aria-label={m.theme[now]} title={m.theme[now]} onClick={() => setNow(nextTheme())}>
      <Icon />
    </button>
  );
}

function UserMenu(props: { entries: Entry[]; onLeft: () => void }): JSX.Element {
  const session = useSession();
  const menu = useRef<HTMLDetailsElement>(null);
  const close = (): void => {
    if (menu.current) menu.current.open = false;
  };
  useEffect(() => {
    const outside = (event: Event): void => {
      if (!menu.current?.contains(event.target as Node)) close();
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && menu.current?.open) {
        close();
        menu.current.querySelector("summary")?.focus();
      }
    };
    document.addEventListener("click", outside);
    document.addEventListener("keydown", escape);
    return () => {
      document.removeEventListener("click", outside);
      document.removeEventListener("keydown", escape);
    };
  }, []);
  const leave = async (): Promise<void> => {
    close();
    await call("POST", "sign-out");
    props.onLeft();
  };
  return (
    <details class="menu" ref={menu}>
      <summary>
        <span class="account">{session.account.name || session.account.id}</span>
        <b>{session.user}</b>
        <DownIcon />
      </summary>
      <div class="menu-list">
        <div class="menu-about">
          <b>{session.user}</b>
          <div class="quiet small">{m.account(session.account.id)}</div>
        </div>
        {props.entries.map((entry) => (
          <a key={entry.page} href={`/console/${entry.page}`} onClick={close}>
            {entry.title}
          </a>
        ))}
        <button type="button" onClick={() => void leave()}>
          {m.signOut}
        </button>
      </div>
    </details>
  );
}

export function Shell(props: { place: Place; onLeft: () => void; children: ComponentChildren }): JSX.Element {
  const session = useSession();
  const may = useMay();
  const seen = (entry: Entry): boolean => (!entry.operator || session.operator) && (!entry.needs || entry.needs.some(may));
  const here = props.place.parts[0] ?? "metrics";
  const off = skew();
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    const link = nav.current?.querySelector('[aria-current="page"]') as HTMLElement | null;
    if (nav.current && link) nav.current.scrollLeft = link.offsetLeft - nav.current.clientWidth / 2 + link.offsetWidth / 2;
  }, [here]);
  const skip = (event: Event): void => {
    event.preventDefault();
    document.getElementById("main")?.focus();
  };
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        {m.skip}
      </a>
      <header class="top">
        <div class="top-inner">
          <a class="brand" href="/console/metrics">
            <Mark />
            {m.product}
          </a>
          <nav class="nav" aria-label={m.navigation} ref={nav}>
            {ENTRIES.filter(seen).map((entry) => (
              <a key={entry.page} href={`/console/${entry.page}`} aria-current={here === entry.page ? "page" : undefined}>
                {entry.title}
              </a>
            ))}
          </nav>
          <div class="top-tools">
            <ThemeButton />
            <UserMenu entries={MENU.filter(seen)} onLeft={props.onLeft} />
          </div>
        </div>
      </header>
      {Math.abs(off) > SKEW_MAX_MS && (
        <div class="skew">
          <Banner tone="warn">{m.skew(decimal(Math.abs(off) / MINUTE))}</Banner>
        </div>
      )}
      {props.children}
      <footer class="foot">
        <span>{m.version(session.version)}</span>
        <span>{session.endpoint}</span>
      </footer>
    </>
  );
}
