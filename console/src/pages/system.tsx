// The system, for the operator: what runs and how the store is.
import type { JSX } from "preact";
import { get } from "../api.ts";
import { useLoad } from "../components/load.ts";
import { Loaded } from "../components/states.tsx";
import { When } from "../components/when.tsx";
import { NOTHING, bytes, count, span } from "../format.ts";
import { Frame } from "../lazy.tsx";
import { system as m } from "../messages/en/operator.ts";
import { shell } from "../messages/en/shell.ts";
import type { BackupState, ClusterState, SystemState } from "../types.ts";

const TONES: Record<string, string> = { ready: "ok", waiting: "warn" };

function Backup({ of }: { of: BackupState }): JSX.Element {
  const state = of.error !== null ? "failed" : of.lastMs === null ? "none" : "ok";
  const tone = { failed: "bad", none: "warn", ok: "ok" }[state];
  return (
    <section class="card card-body stack">
      <h2>{m.backup}</h2>
      <dl class="facts">
        <dt>{m.backupState}</dt>
        <dd>
          <span class={`state ${tone}`}>{m.backupStates[state]}</span>
        </dd>
        <dt>{m.backupDir}</dt>
        <dd class={of.dir === null ? "" : "mono"}>{of.dir ?? m.backupNoDir}</dd>
        <dt>{m.backupLast}</dt>
        <dd>
          <When ms={of.lastMs} exact />
        </dd>
        <dt>{m.backupId}</dt>
        <dd class="mono">{of.id ?? NOTHING}</dd>
        <dt>{m.backupPosition}</dt>
        <dd>{of.positions?.map(count).join(" / ") ?? NOTHING}</dd>
        <dt>{m.backupBytes}</dt>
        <dd>{of.bytes === null ? NOTHING : bytes(of.bytes)}</dd>
        <dt>{m.backupNext}</dt>
        <dd>
          <When ms={of.nextMs} exact />
        </dd>
        <dt>{m.backupMade}</dt>
        <dd>{count(of.made)}</dd>
        <dt>{m.backupFailed}</dt>
        <dd>{count(of.failed)}</dd>
        {of.error !== null && (
          <>
            <dt>{m.backupError}</dt>
            <dd>
              <When ms={of.errorMs} exact />
              <div>{of.error}</div>
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

function Cluster({ of }: { of: ClusterState }): JSX.Element {
  const holders = (partition: number) => of.members.filter((it) => it.follows.includes(partition)).map((it) => it.name);
  const own = (partition: number) => of.replicas.find((it) => it.partition === partition);
  return (
    <section class="card card-body stack">
      <h2>{m.cluster}</h2>
      <dl class="facts">
        <dt>{m.clusterNode}</dt>
        <dd>{of.node}</dd>
        <dt>{m.clusterServers}</dt>
        <dd>
          <span class={`state ${of.connected ? "ok" : "bad"}`}>{m.clusterConnected(of.connected)}</span>
        </dd>
        <dt>{m.clusterMembers}</dt>
        <dd>{of.members.map((it) => it.name).join(", ")}</dd>
      </dl>
      <div class="table-wrap plain" tabIndex={0} role="region" aria-label={m.cluster}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col" class="number">{m.clusterPartition}</th>
            <th scope="col">{m.clusterCountedBy}</th>
            <th scope="col" class="number">{m.clusterApplied}</th>
            <th scope="col" class="number">{m.clusterLag}</th>
          </tr>
        </thead>
        <tbody>
          {Array.from({ length: of.partitions }, (_, partition) => {
            const replica = own(partition);
            return (
              <tr key={partition}>
                <td class="number">{partition}</td>
                <td>{holders(partition).join(", ") || <span class="state bad">{m.clusterNobody}</span>}</td>
                <td class="number">{replica === undefined ? NOTHING : count(replica.applied)}</td>
                <td class="number">{replica == null || replica.lag === null ? NOTHING : count(replica.lag)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      </div>
    </section>
  );
}

export default function SystemPage(): JSX.Element {
  const system = useLoad("system", (signal) => get<SystemState>("system", signal));
  return (
    <Frame title={shell.pages.system} lead={m.lead}>
      <Loaded of={system} height={420}>
        {(data) => (
          <>
            <div class="split">
              <section class="card card-body stack">
                <h2>{m.facts}</h2>
                <dl class="facts">
                  <dt>{m.health}</dt>
                  <dd>
                    <span class={`state ${TONES[data.health] ?? "bad"}`}>{m.healths[data.health] ?? data.health}</span> {data.healthReason}
                  </dd>
                  <dt>{m.version}</dt>
                  <dd>{data.version}</dd>
                  <dt>{m.commit}</dt>
                  <dd class="mono">{data.commit ?? NOTHING}</dd>
                  <dt>{m.started}</dt>
                  <dd>
                    <When ms={data.startedMs} exact />
                  </dd>
                  <dt>{m.up}</dt>
                  <dd>{span(data.uptimeMs)}</dd>
                  <dt>{m.zones}</dt>
                  <dd>{data.timeZones}</dd>
                  <dt>{m.dataDir}</dt>
                  <dd class="mono">{data.dataDir}</dd>
                  <dt>{m.floor}</dt>
                  <dd>
                    <When ms={data.floorMs} exact />
                  </dd>
                </dl>
              </section>
              <section class="card card-body stack">
                <h2>{m.store}</h2>
                <dl class="facts">
                  {Object.entries(data.store).map(([key, value]) => (
                    <div class="contents" key={key}>
                      <dt>{m.figures[key] ?? key}</dt>
                      <dd>{value === null ? NOTHING : key.endsWith("Bytes") ? bytes(value) : count(value)}</dd>
                    </div>
                  ))}
                </dl>
              </section>
              <Backup of={data.backup} />
            </div>
            {data.cluster != null && <Cluster of={data.cluster} />}
            <p>
              <a href="/console/third-party">{m.licences}</a>
            </p>
          </>
        )}
      </Loaded>
    </Frame>
  );
}
