// The call as a program: templates that were generated at release, filled with what the form says.
// Escaping is the business of samples/fill.mjs. Loaded when the tab is opened.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { CopyButton } from "../../components/copy.tsx";
import { Select } from "../../components/field.tsx";
import { Banner, EmptyState, Skeleton } from "../../components/states.tsx";
import { explorer as m } from "../../messages/en/explorer.ts";
import { shell } from "../../messages/en/shell.ts";
import { useSession } from "../../session.ts";
import type { Operation } from "../../types.ts";
import { Unwritable } from "../../../samples/escape.mjs";
import { fill } from "../../../samples/fill.mjs";
import type { Sample, Templates } from "../../../samples/fill.mjs";

let chosenLanguage = "python";

function filled(sample: Sample, operation: Operation, typed: boolean, params: Record<string, string>, endpoint: string): { text: string; missing: string[]; why: string | null } {
  const set = Object.fromEntries(Object.entries(params).filter(([, value]) => value !== ""));
  try {
    const values = typed ? { endpoint, ...set } : { endpoint, product: operation.product, version: operation.version, action: operation.name, params: Object.entries(set) };
    return { ...fill(sample, values), why: null };
  } catch (error) {
    if (error instanceof Unwritable) return { text: "", missing: [], why: error.message };
    throw error;
  }
}

export function SamplesView(props: { operation: Operation; params: Record<string, string> }): JSX.Element {
  const session = useSession();
  const [templates, setTemplates] = useState<Templates | "failed" | null>(null);
  const [language, setLanguage] = useState(chosenLanguage);
  useEffect(() => {
    import("../../../samples/templates.json").then(
      (module) => setTemplates(module.default as unknown as Templates),
      () => setTemplates("failed"),
    );
  }, []);
  if (templates === null) return <Skeleton height={320} shown={false} />;
  if (templates === "failed") return <EmptyState title={m.noSamples} />;
  const own = templates.operations[props.operation.name];
  const samples = own ?? templates.operations["*"] ?? [];
  const sample = samples.find((one) => one.id === language) ?? samples[0];
  if (!sample) return <EmptyState title={m.noSamples} />;
  const { text, missing, why } = filled(sample, props.operation, own !== undefined, props.params, session.endpoint);
  return (
    <div class="stack">
      <div class="sample-head">
        <Select
          label={m.language}
          value={sample.id}
          options={samples.map((one) => ({ value: one.id, label: one.title }))}
          onValue={(value) => {
            chosenLanguage = value;
            setLanguage(value);
          }}
        />
        {sample.install && (
          <div class="field grow">
            <span class="label">{m.install}</span>
            <div class="install">
              <code tabIndex={0}>{sample.install}</code>
              <CopyButton text={sample.install} slim name={`${shell.copy}: ${m.install}`} />
            </div>
          </div>
        )}
      </div>
      {sample.community && <p class="hint">{m.community}</p>}
      {missing.length > 0 && <p class="hint">{m.sampleMissing(missing.join(", "))}</p>}
      {why ? (
        <Banner tone="warn">{why}</Banner>
      ) : (
        <section class="code" aria-label={sample.title}>
          <div class="code-head">
            <h3>{m.file(sample.file)}</h3>
            <CopyButton text={text} slim name={`${shell.copy}: ${sample.title}`} />
          </div>
          <pre tabIndex={0}>{text}</pre>
        </section>
      )}
    </div>
  );
}
