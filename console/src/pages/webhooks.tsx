// Webhooks: what is set up, and a wizard of three steps that ends when the first event arrives.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call, get } from "../api.ts";
import { useAct } from "../components/act.ts";
import { CopyButton } from "../components/copy.tsx";
import { Confirm, Dialog, SecretOnce } from "../components/dialog.tsx";
import { Select, Text } from "../components/field.tsx";
import { useLoad } from "../components/load.ts";
import { Banner, EmptyState, Failed, Loaded } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import type { Column } from "../components/table.tsx";
import { toast } from "../components/toast.tsx";
import { When } from "../components/when.tsx";
import { NOTHING, count } from "../format.ts";
import { Frame } from "../lazy.tsx";
import { webhooks as m } from "../messages/en/directory.ts";
import { shell } from "../messages/en/shell.ts";
import { to } from "../router.ts";
import { useMay } from "../session.ts";
import type { Space, Webhook } from "../types.ts";

const LOOK_MS = 2_000;
type Made = { id: string; url: string; verifyToken?: string; token?: string };
/** How a webhook of each kind may be called at first. */
const IDS: Record<string, string> = { whatsapp: "whatsapp", cams: "cams", events: "events" };

function Secret(props: { name: string; value: string }): JSX.Element {
  return (
    <div class="secret">
      <span class="label">{props.name}</span>
      <code>{props.value}</code>
      <CopyButton text={props.value} slim name={`${shell.copy} ${props.name}`} />
    </div>
  );
}

/** Step 3: looks until the webhook has had an event. */
function Waiting(props: { id: string; kind: string; space: string; onDone: () => void }): JSX.Element {
  const [arrived, setArrived] = useState<Webhook | null>(null);
  useEffect(() => {
    if (arrived) return undefined;
    const timer = setInterval(() => {
      void get<{ webhooks: Webhook[] }>("webhooks").then((result) => {
        const mine = result.ok ? result.data.webhooks.find((one) => one.id === props.id) : undefined;
        if (mine && mine.received > 0) setArrived(mine);
      });
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, [arrived]);
  return (
    <div class="stack" aria-live="polite">
      {!arrived ? (
        <>
          <div class="progress-line on" />
          <h3>{m.waiting}</h3>
          <p>{m.waitingWhat[props.kind]}</p>
        </>
      ) : (
        <Banner tone="ok">
          <b>{m.arrived}</b> {arrived.lastMs !== null && <When ms={arrived.lastMs} />}
        </Banner>
      )}
      <div class="dialog-foot">
        {arrived && (
          <a class="button" href={to("metrics", props.space ? { space: props.space } : {})}>
            {m.toMetrics}
          </a>
        )}
        <button type="button" class={`button${arrived ? " primary" : ""}`} onClick={props.onDone}>
          {arrived ? m.finish : m.skip}
        </button>
      </div>
    </div>
  );
}

function Wizard(props: { spaces: Space[]; onClose: () => void }): JSX.Element {
  const [step, setStep] = useState(0);
  const [kind, setKind] = useState("whatsapp");
  const [id, setId] = useState("whatsapp");
  const [space, setSpace] = useState("");
  const [appSecret, setAppSecret] = useState("");
  const [made, setMade] = useState<Made | null>(null);
  const act = useAct();
  const make = (event: Event): void => {
    event.preventDefault();
    void act.run(
      () => call<Made>("POST", "webhooks", { id, kind, space: space || null, ...(kind === "whatsapp" && { appSecret }) }),
      (answer) => {
        setMade(answer);
        setAppSecret("");
        setStep(1);
      },
    );
  };
  return (
    <Dialog title={m.add} onClose={props.onClose} stay={step === 1}>
      <ol class="steps">
        {m.steps.map((title, at) => (
          <li key={title} aria-current={at === step ? "step" : undefined}>
            {title}
          </li>
        ))}
      </ol>
      {step === 0 && (
        <form class="stack" onSubmit={make}>
          <Select
            label={m.kind}
            value={kind}
            options={Object.entries(m.kinds).map(([value, label]) => ({ value, label }))}
            onValue={(value) => {
              setKind(value);
              // A name that the user chose stays.
              if (id === IDS[kind]) setId(IDS[value] ?? value);
            }}
          />
          <Text label={m.newId} hint={m.newIdHint} mono value={id} onValue={setId} required pattern="[A-Za-z0-9\-]{1,64}" error={act.error?.field === "id" ? act.error.message : null} />
          <Select label={m.space} value={space} options={[{ value: "", label: m.byNumber }, ...props.spaces.filter((one) => !one.isvCode).map((one) => ({ value: one.id, label: one.id }))]} onValue={setSpace} />
          {kind === "whatsapp" && <Text label={m.secret} hint={m.secretHint} type="password" mono value={appSecret} onValue={setAppSecret} required />}
          {act.error?.field !== "id" && <Failed error={act.error} />}
          <div class="dialog-foot">
            <button type="submit" class="button primary" disabled={act.busy || id === ""}>
              {m.next}
            </button>
          </div>
        </form>
      )}
      {step === 1 && made && (
        <div class="stack">
          <p>{m.connects[kind]}</p>
          <Secret name={m.url} value={made.url} />
          {made.verifyToken && <Secret name={m.token} value={made.verifyToken} />}
          {made.token && kind !== "cams" && <Secret name={m.bearer} value={made.token} />}
          <Banner tone="warn">{kind === "cams" ? m.urlOnce : m.tokenOnce}</Banner>
          <div class="dialog-foot">
            <button type="button" class="button primary" onClick={() => setStep(2)}>
              {m.next}
            </button>
          </div>
        </div>
      )}
      {step === 2 && made && <Waiting id={made.id} kind={kind} space={space} onDone={props.onClose} />}
    </Dialog>
  );
}

function RotateDialog(props: { webhook: Webhook; onClose: () => void }): JSX.Element {
  const [secret, setSecret] = useState("");
  const [token, setToken] = useState<string | null>(null);
  const act = useAct();
  const patch = (body: Record<string, unknown>, done: (answer: { verifyToken?: string } | null) => void): void =>
    void act.run(() => call<{ verifyToken?: string } | null>("PATCH", `webhooks/${encodeURIComponent(props.webhook.id)}`, body), done);
  if (token !== null) return <SecretOnce title={m.token} warning={m.tokenOnce} values={[[m.token, token]]} file={`${props.webhook.id}.csv`} done={m.finish} onDone={props.onClose} />;
  return (
    <Dialog title={m.rotateTitle(props.webhook.id)} onClose={props.onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          patch({ addAppSecret: secret }, () => {
            toast(m.added);
            props.onClose();
          });
        }}
      >
        <Text label={m.newSecret} hint={m.newSecretHint} type="password" mono value={secret} onValue={setSecret} />
        <Failed error={act.error} />
        <div class="row">
          <button type="submit" class="button primary" disabled={act.busy || secret === ""}>
            {m.addSecret}
          </button>
          <button
            type="button"
            class="button"
            disabled={act.busy || props.webhook.appSecrets < 2}
            onClick={() =>
              patch({ dropOldAppSecret: true }, () => {
                toast(m.dropped);
                props.onClose();
              })
            }
          >
            {m.dropOld}
          </button>
          <button type="button" class="button" disabled={act.busy} onClick={() => patch({ newVerifyToken: true }, (answer) => setToken(answer?.verifyToken ?? ""))}>
            {m.newToken}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The one token of receipts and events: a new one ends the one before at once. */
function TokenDialog(props: { webhook: Webhook; onClose: () => void }): JSX.Element {
  const [token, setToken] = useState<string | null>(null);
  const act = useAct();
  const { id, kind, url } = props.webhook;
  const make = (): void =>
    void act.run(
      () => call<{ token: string }>("PATCH", `webhooks/${encodeURIComponent(id)}`, { newToken: true }),
      (answer) => setToken(answer.token),
    );
  if (token !== null) {
    const values: [string, string][] = kind === "cams" && url ? [[m.url, url.replace(/[^/]*$/u, token)]] : [[m.bearer, token]];
    return <SecretOnce title={kind === "cams" ? m.url : m.bearer} warning={kind === "cams" ? m.urlOnce : m.tokenOnce} values={values} file={`${id}.csv`} done={m.finish} onDone={props.onClose} />;
  }
  return (
    <Confirm title={m.rotateTitle(id)} action={m.newBearer} busy={act.busy} onClose={props.onClose} onYes={make}>
      <p>{m.newBearerWhat}</p>
      <Failed error={act.error} />
    </Confirm>
  );
}

export default function WebhooksPage(): JSX.Element {
  const may = useMay();
  const act = useAct();
  const webhooks = useLoad("webhooks", (signal) => get<{ webhooks: Webhook[] }>("webhooks", signal));
  const spaces = useLoad("spaces", (signal) => get<{ spaces: Space[] }>("spaces", signal));
  const [adding, setAdding] = useState(false);
  const [rotating, setRotating] = useState<Webhook | null>(null);
  const [removing, setRemoving] = useState<Webhook | null>(null);
  const change = may("chatmetric:ChangeWebhooks");
  const remove = (webhook: Webhook): void =>
    void act.run(
      () => call("DELETE", `webhooks/${encodeURIComponent(webhook.id)}`),
      () => {
        toast(m.removed);
        setRemoving(null);
        webhooks.reload();
      },
    );
  const rotated = (): void => {
    setRotating(null);
    webhooks.reload();
  };
  const columns: Column<Webhook>[] = [
    { key: "id", title: m.id, cell: (row) => <b class="clip">{row.id}</b>, by: (row) => row.id, upFirst: true },
    { key: "kind", title: m.kind, cell: (row) => m.kinds[row.kind] ?? row.kind },
    { key: "space", title: m.space, cell: (row) => (row.space ? <span class="clip">{row.space}</span> : <span class="quiet">{m.byNumber}</span>) },
    {
      key: "url",
      title: m.url,
      cell: (row) => row.url && (
        <span class="row nowrap">
          {/* The host is the same for all, and the end tells them apart. */}
          <code class="clip" title={row.url}>
            {row.url.replace(/^https?:\/\/[^/]+/u, "")}
          </code>
          {/* Of CAMS the URL ends in the token, which is not told again: a copy would not work. */}
          {row.kind !== "cams" && <CopyButton text={row.url} slim name={`${shell.copy} ${m.url} ${row.id}`} />}
        </span>
      ),
    },
    { key: "secrets", title: m.secrets, cell: (row) => (row.kind === "whatsapp" ? count(row.appSecrets) : NOTHING), number: true },
    { key: "last", title: m.last, cell: (row) => (row.lastMs === null ? NOTHING : <When ms={row.lastMs} />), by: (row) => row.lastMs ?? 0 },
    { key: "received", title: m.received, cell: (row) => count(row.received), by: (row) => row.received, number: true },
    {
      key: "actions",
      title: m.actions,
      actions: true,
      cell: (row) =>
        change && (
          <>
            <button type="button" class="button slim" onClick={() => setRotating(row)}>
              {m.rotate}
            </button>{" "}
            <button type="button" class="button slim" onClick={() => setRemoving(row)}>
              {m.remove}
            </button>
          </>
        ),
    },
  ];
  const add = change && (
    <button type="button" class="button primary" onClick={() => setAdding(true)}>
      {m.add}
    </button>
  );
  return (
    <Frame title={shell.pages.webhooks} lead={m.lead} actions={add}>
      <div class="card">
        <Loaded of={webhooks}>
          {(data) =>
            data.webhooks.length === 0 ? (
              <EmptyState title={m.empty} actions={add}>
                <p>{m.emptyWhat}</p>
              </EmptyState>
            ) : (
              <Table caption={shell.pages.webhooks} columns={columns} rows={data.webhooks} rowKey={(row) => row.id} />
            )
          }
        </Loaded>
      </div>
      {adding && (
        <Wizard
          spaces={spaces.data?.spaces ?? []}
          onClose={() => {
            setAdding(false);
            webhooks.reload();
          }}
        />
      )}
      {rotating && rotating.kind === "whatsapp" && <RotateDialog webhook={rotating} onClose={rotated} />}
      {rotating && rotating.kind !== "whatsapp" && <TokenDialog webhook={rotating} onClose={rotated} />}
      {removing && (
        <Confirm title={m.removeTitle(removing.id)} action={m.remove} busy={act.busy} onClose={() => setRemoving(null)} onYes={() => remove(removing)}>
          <p>{m.removeWhat}</p>
          <Failed error={act.error} />
        </Confirm>
      )}
    </Frame>
  );
}
