// The doors: signing in, the first user, a password by one-time token; and signing in again over a
// page whose session has ended. Passwords live in these forms only.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../api.ts";
import type { Failure } from "../api.ts";
import { useAct } from "../components/act.ts";
import { Dialog } from "../components/dialog.tsx";
import { Text } from "../components/field.tsx";
import { Mark } from "../components/icons.tsx";
import { Banner, Failed } from "../components/states.tsx";
import { span } from "../format.ts";
import { door as m } from "../messages/en/door.ts";
import { shell } from "../messages/en/shell.ts";
import { navigate, to } from "../router.ts";
import { NewPassword } from "./new_password.tsx";
import type { Place } from "../router.ts";
import type { SignedIn } from "../types.ts";

const submit = (work: () => void) => (event: Event) => {
  event.preventDefault();
  work();
};

function Card(props: { title: string; children: ComponentChildren; what?: string; foot?: ComponentChildren }): JSX.Element {
  useEffect(() => {
    document.title = shell.title(props.title);
  }, [props.title]);
  return (
    <main class="door" id="main">
      <div class="brand">
        <Mark />
        {shell.product}
      </div>
      <div class="card">
        <h1>{props.title}</h1>
        {props.what && <p class="quiet small">{props.what}</p>}
        {props.children}
      </div>
      <div class="door-foot">{props.foot}</div>
    </main>
  );
}

function SignInFailed(props: { error: Failure | null }): JSX.Element | null {
  const { error } = props;
  if (error?.code === "WrongSignIn") return <Banner tone="bad">{m.wrong}</Banner>;
  if (error?.code === "SlowDown") return <Banner tone="bad">{m.slow(span(Math.max(error.retryAfterMs ?? 0, 60_000)))}</Banner>;
  return <Failed error={error} />;
}

function SignInForm(props: { account: string; user: string; fixed?: boolean; onDone: () => void }): JSX.Element {
  const [account, setAccount] = useState(props.account);
  const [user, setUser] = useState(props.user);
  const [password, setPassword] = useState("");
  const act = useAct();
  const go = (): void => void act.run(() => call("POST", "sign-in", { account, user, password }), props.onDone);
  return (
    <form onSubmit={submit(go)}>
      {!props.fixed && <Text label={m.account} hint={m.accountHint} value={account} onValue={setAccount} autocomplete="organization" />}
      <Text label={m.user} value={user} onValue={setUser} autocomplete="username" required disabled={props.fixed ?? false} autoFocus={!props.fixed} />
      <Text label={m.password} type="password" value={password} onValue={setPassword} autocomplete="current-password" required autoFocus={props.fixed ?? false} />
      <SignInFailed error={act.error} />
      <button class="button primary wide" type="submit" disabled={act.busy}>
        {m.signIn}
      </button>
    </form>
  );
}

function SetupForm(props: { onDone: () => void; token: string }): JSX.Element {
  const [token, setToken] = useState(props.token);
  const [user, setUser] = useState("admin");
  const [password, setPassword] = useState<string | null>(null);
  const act = useAct();
  return (
    <form onSubmit={submit(() => void act.run(() => call("POST", "setup", { token: token.trim(), user, password }), props.onDone))}>
      <Text label={m.token} mono value={token} onValue={setToken} required autoFocus error={act.error?.field === "token" ? act.error.message : null} />
      <Text label={m.user} value={user} onValue={setUser} autocomplete="username" required error={act.error?.field === "user" ? act.error.message : null} />
      <NewPassword onPassword={setPassword} />
      {!act.error?.field && <Failed error={act.error} />}
      <button class="button primary wide" type="submit" disabled={act.busy || password === null}>
        {m.make}
      </button>
    </form>
  );
}

function TokenForm(props: { onDone: () => void; token: string }): JSX.Element {
  const [token, setToken] = useState(props.token);
  const [password, setPassword] = useState<string | null>(null);
  const act = useAct();
  return (
    <form onSubmit={submit(() => void act.run(() => call("POST", "set-password", { token: token.trim(), password }), props.onDone))}>
      <Text label={m.oneTimeToken} mono value={token} onValue={setToken} required />
      <NewPassword onPassword={setPassword} />
      <Failed error={act.error} />
      <button class="button primary wide" type="submit" disabled={act.busy || password === null}>
        {m.set}
      </button>
    </form>
  );
}

export default function Door(props: { place: Place; setup: boolean; onDone: () => void }): JSX.Element {
  const name = props.place.parts[0] ?? "";
  const page = name === "set-password" ? name : props.setup ? "setup" : "signin";
  // A token in the address leaves it at once, so that it stays in no history.
  const [token] = useState(() => props.place.query.get("token") ?? decodeURIComponent(location.hash.slice(1)));
  useEffect(() => {
    if (name === page) {
      if (props.place.query.has("token") || location.hash !== "") navigate(to(page), { replace: true });
      return;
    }
    const back: Record<string, string> = name === "" || name === "setup" || name === "signin" ? {} : { to: location.pathname + location.search };
    navigate(to(page, back), { replace: true });
  }, [page, name]);
  if (page === "setup") {
    return (
      <Card title={m.setupTitle} what={m.setupWhat}>
        <SetupForm onDone={props.onDone} token={token} />
      </Card>
    );
  }
  if (page === "set-password") {
    return (
      <Card title={shell.pages.setPassword} what={m.setPasswordWhat}>
        <TokenForm onDone={props.onDone} token={token} />
      </Card>
    );
  }
  return (
    <Card
      title={m.signIn}
      foot={
        <>
          {m.lost} <code>chatmetric admin setup-token</code>
        </>
      }
    >
      <SignInForm account={props.place.query.get("account") ?? ""} user="" onDone={props.onDone} />
    </Card>
  );
}

/** Signing in again without leaving the page. */
export function ExpiredDialog(props: { session: SignedIn; onDone: () => void; onLeave: () => void }): JSX.Element {
  return (
    <Dialog title={shell.expiredTitle} onClose={props.onLeave}>
      <p>{m.expiredWhat}</p>
      <div class="door-form">
        <SignInForm account={props.session.account.id} user={props.session.user} fixed onDone={props.onDone} />
      </div>
    </Dialog>
  );
}
