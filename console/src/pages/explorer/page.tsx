// The API Explorer: one operation, its form, and what came of it. The address holds the operation
// and its parameters, never keys.
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { get } from "../../api.ts";
import { now } from "../../clock.ts";
import { CopyButton } from "../../components/copy.tsx";
import { Confirm } from "../../components/dialog.tsx";
import { Select, Text } from "../../components/field.tsx";
import { useLoad } from "../../components/load.ts";
import { EmptyState, Loaded } from "../../components/states.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { count } from "../../format.ts";
import { Frame } from "../../lazy.tsx";
import type { PageProps } from "../../lazy.tsx";
import { explorer as m } from "../../messages/en/explorer.ts";
import { shell } from "../../messages/en/shell.ts";
import { navigate, to } from "../../router.ts";
import { useSession } from "../../session.ts";
import { canSign } from "../../signer.ts";
import type { Operation } from "../../types.ts";
import { DAY } from "../../zone.ts";
import { ParameterForm, isTime } from "./form.tsx";
import { history, remember } from "./history.ts";
import { begun, ended, faultOf, runOf } from "./outcome.ts";
import type { Asked, Params, Runs } from "./outcome.ts";
import { runAsSession, runWithKeys } from "./run.ts";
import type { Keys } from "./run.ts";
import { SamplesView } from "./samples.tsx";
import { isMs } from "./times.ts";
import { DocsView, HistoryView, ResponseView, SignedView } from "./views.tsx";

const FIRST = "GetChatappPhoneNumberMetric";
/** Keys are forgotten after this time without a run. */
const KEYS_KEPT_MS = 15 * 60_000;
const NO_KEYS: Keys = { id: "", secret: "", token: "" };

function KeyFields(props: { keys: Keys; onKeys: (keys: Keys) => void }): JSX.Element {
  const { keys, onKeys } = props;
  if (!canSign()) return <p class="hint">{m.insecure}</p>;
  return (
    <div class="stack">
      <Text label={m.keyId} mono value={keys.id} onValue={(id) => onKeys({ ...keys, id: id.trim() })} />
      <Text label={m.keySecret} type="password" mono value={keys.secret} onValue={(secret) => onKeys({ ...keys, secret: secret.trim() })} hint={m.secretHint} />
      <Text label={m.keyToken} mono value={keys.token} onValue={(token) => onKeys({ ...keys, token: token.trim() })} />
    </div>
  );
}

function Explorer(props: PageProps & { operations: Operation[] }): JSX.Element {
  const { place, operations } = props;
  const session = useSession();
  const name = place.parts[1] ?? FIRST;
  const operation = operations.find((one) => one.name === name) ?? null;
  const values = useMemo(() => Object.fromEntries(place.query), [place.query.toString()]);
  const [runs, setRuns] = useState<Runs>({});
  const { busy, outcome } = runOf(runs, name);
  const [tab, setTab] = useState("samples");
  const [withKeys, setWithKeys] = useState(false);
  const [keys, setKeys] = useState(NO_KEYS);
  const [asking, setAsking] = useState<Asked | null>(null);
  useEffect(() => {
    if (keys.secret === "") return undefined;
    const timer = setTimeout(() => setKeys(NO_KEYS), KEYS_KEPT_MS);
    return () => clearTimeout(timer);
  }, [keys, runs]);
  // A range of a week until somebody says something else, so that Run works at once.
  useEffect(() => {
    if (!operation || place.query.size > 0 || !operation.parameters.some(isTime)) return;
    const end = Math.floor(now() / DAY) * DAY + DAY;
    navigate(to(`explorer/${name}`, { Start: String(end - 7 * DAY), End: String(end) }), { replace: true });
  }, [name, operation]);

  const options = operations.map((one) => ({ value: one.name, label: `${one.name} (${one.product})` }));
  const choose = (next: string): void => navigate(to(`explorer/${next}`), { keepScroll: true });
  if (!operation) {
    return (
      <div class="card">
        <EmptyState title={m.unknown} actions={<a class="button" href={to(`explorer/${FIRST}`)}>{FIRST}</a>}>
          <p>{m.unknownWhat}</p>
        </EmptyState>
      </div>
    );
  }
  const params = Object.fromEntries(operation.parameters.map((one) => [one.name, values[one.name] ?? ""]).filter(([, value]) => value !== "")) as Params;
  const missing = operation.parameters.filter((one) => one.required && !params[one.name]).map((one) => one.name);
  const noTimes = operation.parameters.filter((one) => isTime(one) && params[one.name] && !isMs(params[one.name]!)).map((one) => one.name);
  const ready = missing.length === 0 && noTimes.length === 0 && (!withKeys || (canSign() && keys.id !== "" && keys.secret !== ""));
  const setValue = (key: string, value: string): void => {
    const query = new URLSearchParams(place.query);
    if (value === "") query.delete(key);
    else query.set(key, value);
    navigate(to(`explorer/${name}`, query), { replace: true });
  };
  // The answer goes to the operation that it was asked of, whatever is looked at by then.
  const run = async (asked: Asked): Promise<void> => {
    setAsking(null);
    setTab("response");
    setRuns((before) => begun(before, asked));
    const result = withKeys ? await runWithKeys(operation, asked.params, keys) : await runAsSession(operation, asked.params);
    if (result.ok) remember({ atMs: now(), ...asked, answer: result.data });
    setRuns((before) => ended(before, asked, result));
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    if (!ready || busy) return;
    const asked = { operation: name, params };
    if (operation.kind === "write") setAsking(asked);
    else void run(asked);
  };
  return (
    <>
      <div class="explorer-facts">
        <span class="quiet">{m.facts(operation.product, operation.version, count(operation.callsPerSecond))}</span>
        <span class="chip">{operation.kind === "write" ? m.writes : m.reads}</span>
        <span class="quiet">{operation.ramAction ? m.action(operation.ramAction) : m.noAction}</span>
      </div>
      <div class="explorer">
        <form class="card card-body stack" onSubmit={submit}>
          <Select label={m.operation} value={name} options={options} onValue={choose} />
          <h2>{m.parameters}</h2>
          <ParameterForm operation={operation} values={values} onValue={setValue} fieldError={faultOf(outcome, params)} />
          <fieldset class="field sign-as">
            <legend class="label">{m.signAs}</legend>
            <label class="choice">
              <input type="radio" name="sign-as" checked={!withKeys} onChange={() => setWithKeys(false)} />
              {m.asSession(session.user)}
            </label>
            <label class="choice">
              <input type="radio" name="sign-as" checked={withKeys} onChange={() => setWithKeys(true)} />
              {m.asKey}
            </label>
          </fieldset>
          {withKeys && <KeyFields keys={keys} onKeys={setKeys} />}
          <div class="run">
            <button class="button primary wide" type="submit" disabled={!ready || busy}>
              {busy ? m.running : m.run}
            </button>
            {missing.length > 0 && <p class="hint">{m.missing(missing.join(", "))}</p>}
            {noTimes.length > 0 && <p class="hint">{m.noTime(noTimes.join(", "))}</p>}
          </div>
        </form>
        <section class="card" aria-label={m.outcome}>
          <Tabs label={m.outcome} value={tab} onValue={setTab} tabs={Object.entries(m.tabs).map(([key, title]) => ({ key, title }))}>
            <div class="card-body" aria-live={tab === "response" ? "polite" : "off"}>
              {tab === "samples" && <SamplesView operation={operation} params={params} />}
              {tab === "response" && <ResponseView outcome={outcome} params={params} />}
              {tab === "signed" && <SignedView answer={outcome?.answer ?? null} />}
              {tab === "docs" && <DocsView operation={operation} />}
              {tab === "history" && <HistoryView past={history()} onRefill={(past) => navigate(to(`explorer/${past.operation}`, past.params))} />}
            </div>
          </Tabs>
        </section>
      </div>
      {asking?.operation === name && (
        <Confirm title={name} action={m.run} onClose={() => setAsking(null)} onYes={() => void run(asking)}>
          <p>{m.sure}</p>
        </Confirm>
      )}
    </>
  );
}

export default function ExplorerPage(props: PageProps): JSX.Element {
  const operations = useLoad("operations", (signal) => get<{ operations: Operation[] }>("operations", signal));
  const name = props.place.parts[1] ?? FIRST;
  return (
    <Frame title={shell.pages.explorer} heading={<span class="mono-title">{name}</span>} actions={<CopyButton text={() => location.href} label={m.link} />}>
      <Loaded of={operations} height={520}>
        {(data) => <Explorer place={props.place} operations={data.operations} />}
      </Loaded>
    </Frame>
  );
}
