// Who is here, which page is that: session first, then the door or the shell with a page. The
// pages load themselves; the first page of a morning, Metrics, is part of this bundle.
import type { ComponentType, JSX } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { onExpired } from "./api.ts";
import type { Failure, Result } from "./api.ts";
import { ErrorState } from "./components/states.tsx";
import { Toasts } from "./components/toast.tsx";
import { lookAhead } from "./pages/metrics/ask.ts";
import { MetricsPage } from "./pages/metrics/page.tsx";
import { shell as m } from "./messages/en/shell.ts";
import { navigate, to, usePlace } from "./router.ts";
import type { Place } from "./router.ts";
import { SessionContext, loadSession } from "./session.ts";
import { Shell } from "./shell.tsx";
import type { Session, SignedIn } from "./types.ts";
import { NotFoundPage } from "./pages/not_found.tsx";
import { LazyPage, useModule, type PageProps } from "./lazy.tsx";

/** How long the first page waits for its first question. */
const AHEAD_MS = 100;

type Load = () => Promise<{ default: ComponentType<PageProps> }>;

/** After so long without a session the page says that it waits. */
const SLOW_MS = 1_000;

/** The pages that come when they are asked for. */
const LAZY: Record<string, Load> = {
  explorer: () => import("./pages/explorer/page.tsx"),
  signature: () => import("./pages/signature.tsx"),
  reconcile: () => import("./pages/reconcile.tsx"),
  ingest: () => import("./pages/ingest/page.tsx"),
  numbers: () => import("./pages/numbers.tsx"),
  spaces: () => import("./pages/spaces.tsx"),
  webhooks: () => import("./pages/webhooks.tsx"),
  access: () => import("./pages/access/page.tsx"),
  accounts: () => import("./pages/accounts.tsx"),
  system: () => import("./pages/system.tsx"),
  alerts: () => import("./pages/alerts.tsx"),
  audit: () => import("./pages/audit.tsx"),
  account: () => import("./pages/account.tsx"),
  "third-party": () => import("./pages/third_party.tsx"),
};

function Page(props: { place: Place }): JSX.Element {
  const name = props.place.parts[0] ?? "metrics";
  if (name === "metrics") return <MetricsPage place={props.place} />;
  const load = LAZY[name];
  return load ? <LazyPage key={name} load={load} place={props.place} /> : <NotFoundPage />;
}

const loadDoor = () => import("./pages/door.tsx");

function ExpiredDialog(props: Parameters<Awaited<ReturnType<typeof loadDoor>>["ExpiredDialog"]>[0]): JSX.Element | null {
  const module = useModule(loadDoor);
  return module && <module.ExpiredDialog {...props} />;
}

/** Below the bar that came with the document, which stays until there is an answer. */
function Waiting(): JSX.Element {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    // Without a height until it says something: what is drawn then would seem to jump.
    <main class={slow ? "page waiting" : "waiting"}>
      <h1 class="visually-hidden">{m.product}</h1>
      <div class={slow ? "banner" : ""} role="status">
        {slow && m.waiting}
      </div>
    </main>
  );
}

/** The pages of somebody who is not signed in. */
const DOORS = ["signin", "setup", "set-password"];

export function App(): JSX.Element {
  const place = usePlace();
  const [session, setSession] = useState<Session | null>(null);
  const [signedIn, setSignedIn] = useState<SignedIn | null>(null);
  const [error, setError] = useState<Failure | null>(null);
  const [expired, setExpired] = useState(false);
  const [epoch, setEpoch] = useState(0);
  const known = useRef(false);
  const load = useCallback(async (first?: Promise<Result<Session>>) => {
    setError(null);
    const result = await (first ?? loadSession());
    if (!result.ok) {
      setError(result.error);
      return;
    }
    setSession(result.data);
    if (result.data.state === "signedIn") {
      known.current = true;
      setSignedIn(result.data);
      setExpired(false);
      setEpoch((value) => value + 1);
    }
  }, []);
  useLayoutEffect(() => {
    const session = loadSession();
    // The page is made once its counts are there, all at one time, unless that takes long.
    const asked = lookAhead(place, session.then((result) => result.ok && result.data.state === "signedIn"));
    void Promise.race([asked, new Promise((resolve) => setTimeout(resolve, AHEAD_MS))]).then(() => load(session));
  }, []);
  useEffect(() => onExpired(() => setExpired(known.current)), []);

  const left = useCallback(() => {
    known.current = false;
    setSignedIn(null);
    setExpired(false);
    setSession({ state: "signedOut" });
    navigate(to("signin"));
  }, []);
  const name = place.parts[0] ?? "";
  useEffect(() => {
    if (!signedIn) return;
    if (DOORS.includes(name) && name !== "set-password") {
      const back = place.query.get("to") ?? "";
      navigate(back.startsWith("/console/") ? back : to("metrics"), { replace: true });
    } else if (name === "") navigate(to("metrics", place.query), { replace: true });
  }, [signedIn, name]);

  // After signing in the session may be what fails.
  if (!session || (error && !signedIn)) {
    return error ? (
      <main class="door">
        <h1 class="visually-hidden">{m.product}</h1>
        <div class="card">
          <ErrorState error={error} retry={() => void load()} />
        </div>
      </main>
    ) : (
      <Waiting />
    );
  }
  if (!signedIn || name === "set-password") {
    return (
      <>
        <LazyPage load={loadDoor} place={place} setup={session.state === "setup"} onDone={() => void load().then(() => name === "set-password" && navigate(to("metrics"), { replace: true }))} />
        <Toasts />
      </>
    );
  }
  return (
    <SessionContext.Provider value={{ session: signedIn, epoch }}>
      <Shell place={place} onLeft={left}>
        <Page place={place} />
      </Shell>
      {expired && <ExpiredDialog session={signedIn} onDone={() => void load()} onLeave={left} />}
      <Toasts />
    </SessionContext.Provider>
  );
}
