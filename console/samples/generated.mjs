// The samples that the vendor's generators make: which generator, which file of its
// output, and what is changed in it. Everything else stays as the generator wrote it.
//
// An edit that finds nothing is an error: a new version of a generator that writes
// something else is noticed when templates are made, not by a user.

const KEYS = ['ALIBABA_CLOUD_ACCESS_KEY_ID', 'ALIBABA_CLOUD_ACCESS_KEY_SECRET'];

/** Removes text. */
const without = (/** @type {RegExp} */ pattern) => [pattern, ''];

const ROWS = {
  python: `for row in response.body.data:
            print(row.start, row.phone_number, row.sent_count, row.delivered_count)`,
  typescript: `for (const row of response.body?.data ?? []) {
      console.log(row.start, row.phoneNumber, row.sentCount, row.deliveredCount);
    }`,
  java: `response.getBody().getData().forEach(row -> System.out.println(
                row.getStart() + " " + row.getPhoneNumber() + " " + row.getSentCount() + " " + row.getDeliveredCount()));`,
  go: `for _, row := range response.Body.Data {
    fmt.Println(tea.Int64Value(row.Start), tea.StringValue(row.PhoneNumber), tea.Int32Value(row.SentCount), tea.Int32Value(row.DeliveredCount))
  }`,
  csharp: `foreach (var row in response.Body.Data)
            {
                Console.WriteLine(row.Start + " " + row.PhoneNumber + " " + row.SentCount + " " + row.DeliveredCount);
            }`,
  // A list without rows is null to its models.
  php: `foreach ($response->body->data ?? [] as $row) {
            echo $row->start, " ", $row->phoneNumber, " ", $row->sentCount, " ", $row->deliveredCount, "\\n";
        }`,
  swift: `for row in response.body?.data ?? [] {
            print(row.start ?? 0, row.phoneNumber ?? "", row.sentCount ?? 0, row.deliveredCount ?? 0)
        }`,
};

const PYTHON = [
  without(/^# This file is auto-generated.*\n/m),
  [/^import sys\n\nfrom out\.out import Out\n/m, 'import os\nimport sys\n\n'],
  without(/^ {4}def __init__\(self\):\n {8}pass\n\n/m),
  without(/^ {4}@staticmethod\n {4}async def main_async[^]*?\n\n(?=\n)/m),
];
const TYPESCRIPT = [
  without(/^(?:\/\/ .*\n)+/),
  without(/^import Out from 'out';\n/m),
  without(/^import \* as \$tea .*\n/m),
];
const JAVA = [
  without(/^package .*;\n\n/m),
  without(/^ *java\.util\.List<String> args = .*\n/m),
  [/String\[\] args_\)/, 'String[] args)'],
];
const GO = [
  without(/^ *out {2}"out\/out"\n/m),
  [/^ {2}"os"\n/m, '  "fmt"\n  "os"\n\n'],
  [/^func _main \(/m, 'func _main('],
  [/^( *\w+) {2}"/gm, '$1 "'],
];

const PHP = [
  without(/^\/\/ This file is auto-generated.*\n/m),
  without(/^use Out\\Out;\n\n/m),
  without(/^ {4}\/\*\*\n(?: {5}\*.*\n)+/m),
  [/^\$path = [^]*?^\}\n/m, "\nrequire_once __DIR__ . '/vendor/autoload.php';\n"],
];
const CSHARP = [[/\n\n\n( {4}\})/, '\n$1'], [/Sample \n/, 'Sample\n']];
const SWIFT = [
  without(/^#!.*\n\n/m),
  without(/^import (?:Cocoa|Tea|Out)\n/gm),
  // Casts to the type that something has already only make the compiler talk.
  without(/ as! [\w.]+(?=[,)])/g),
  [/\bvar (\w+):/g, 'let $1:'],
  [/^Client\.main\(/m, 'try await Client.main('],
];

const any = {
  python: {
    print: "print(json.dumps(response['body'], indent=2, ensure_ascii=False))",
    edits: [...PYTHON, [/^import os\n/m, 'import json\nimport os\n']],
    each: { pattern: /\n( *)'__key__': '__value__'\n *\}/, line: '\n$1⟦key:string⟧: ⟦value:string⟧', between: ',', after: '\n            }' },
  },
  typescript: {
    print: 'console.log(JSON.stringify(response.body, null, 2));',
    edits: [...TYPESCRIPT, [/^import Util, \* as/m, 'import * as']],
    each: { pattern: /\n( *)__key__: "__value__",\n *\}/, line: '\n$1⟦key:string⟧: ⟦value:string⟧,', after: '\n      }' },
  },
  java: {
    print: 'System.out.println(com.aliyun.teautil.Common.toJSONString(response.get("body")));',
    // Newer libraries than the generator's answer with a map of anything.
    edits: [...JAVA, [/java\.util\.Map<String, Object> response/, 'java.util.Map<String, ?> response']],
    each: { pattern: /\n( *)new TeaPair\("__key__", "__value__"\)\n */, line: '\n$1new TeaPair(⟦key:string⟧, ⟦value:string⟧)', between: ',', after: '\n                ' },
  },
  go: {
    print: 'fmt.Println(tea.Prettify(response["body"]))',
    // The generator knows the options of an older library; this one's do not compile.
    edits: [
      ...GO,
      [/^ *util ".*\/tea-utils\/v2\/service"\n/m, '  "github.com/alibabacloud-go/tea/dara"\n'],
      [/&util\.RuntimeOptions/, '&dara.RuntimeOptions'],
    ],
    each: { pattern: /\n *"__key__": tea\.String\("__value__"\),\n *\}/, line: '\n\t\t\t⟦key:string⟧: tea.String(⟦value:string⟧),', after: '\n\t\t}' },
  },
  php: {
    print: 'echo json_encode($response["body"], JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE), "\\n";',
    edits: PHP,
    each: { pattern: /\n( *)"__key__" => "__value__"\n *\]/, line: '\n$1⟦key:string⟧ => ⟦value:string⟧', between: ',', after: '\n            ]' },
  },
  csharp: {
    print: 'Console.WriteLine(AlibabaCloud.TeaUtil.Common.ToJSONString(response["body"]));',
    edits: [
      without(/^using (?:System\.(?!Collections\.Generic;).*|Tea.*);\n/gm),
      [/^(using System\.Collections\.Generic;)\n\n+/m, '$1\n\n'],
      ...CSHARP,
    ],
    each: { pattern: /\n( *)\{"__key__", "__value__"\},\n *\}/, line: '\n$1{⟦key:string⟧, ⟦value:string⟧},', after: '\n                }' },
  },
  swift: {
    print: 'print(TeaUtils.Client.toJSONString(response["body"]))',
    edits: SWIFT,
    // Among values of any type a map must say which it is, above all when it is empty.
    each: {
      pattern: /\n( *)"__key__": "__value__"\n *\]/,
      line: '\n$1⟦key:string⟧: ⟦value:string⟧',
      between: ',',
      after: '\n            ] as [String: String]',
      empty: ':] as [String: String]',
    },
  },
};

/**
 * @type {Array<{
 *   id: string, title: string, generator: string, language: import('./escape.mjs').Language,
 *   output: string, file: string, install: string, community?: true, quote: string,
 *   env: (name: string) => string, print: RegExp, edits: unknown[][],
 *   any?: { print: string, edits: unknown[][], each: { pattern: RegExp, line: string, between?: string, after: string, empty?: string }, install: string },
 *   last?: (text: string) => string,
 * }>}
 */
export const LANGUAGES = [
  {
    id: 'java',
    title: 'Java',
    generator: 'java',
    language: 'java',
    output: 'src/main/java/com/example/Sample.java',
    file: 'Sample.java',
    install: "Maven or Gradle: com.aliyun:cams20200606",
    quote: '"',
    env: (name) => `System.getenv("${name}")`,
    print: /out\.Out\.print\(response\);/,
    edits: [...JAVA, without(/^import com\.aliyun\.tea\.\*;\n\n/m)],
    any: { ...any.java, install: 'Maven or Gradle: com.aliyun:tea-openapi' },
  },
  {
    id: 'typescript',
    title: 'TypeScript',
    generator: 'typescript',
    language: 'typescript',
    output: 'src/client.ts',
    file: 'sample.ts',
    install: 'npm install @alicloud/cams20200606 @alicloud/openapi-client',
    quote: '"',
    env: (name) => `process.env.${name}`,
    print: /Out\.print\(response\);/,
    edits: [...TYPESCRIPT, [/^import OpenApi, \* as/m, 'import * as']],
    any: { ...any.typescript, install: 'npm install @alicloud/openapi-client @alicloud/tea-util' },
  },
  {
    id: 'go',
    title: 'Go',
    generator: 'go',
    language: 'go',
    output: 'main/main.go',
    file: 'main.go',
    install: 'go get github.com/alibabacloud-go/cams-20200606/v5/client',
    quote: '"',
    env: (name) => `os.Getenv("${name}")`,
    print: /out\.Print\(response\)/,
    edits: GO,
    any: { ...any.go, install: 'go get github.com/alibabacloud-go/darabonba-openapi/v2/client' },
    // As gofmt indents.
    last: (text) => text.replace(/^((?:⟦[^⟧]*⟧)*)((?: {2})+)/gm, (_, marks, spaces) => marks + '\t'.repeat(spaces.length / 2)).replace(/\n{3,}/g, '\n\n'),
  },
  {
    id: 'php',
    title: 'PHP',
    generator: 'php',
    language: 'php',
    output: 'Sample.php',
    file: 'sample.php',
    install: 'composer require alibabacloud/cams-20200606',
    community: true,
    quote: '"',
    env: (name) => `getenv("${name}")`,
    print: /Out::print_\(\$response\);/,
    edits: PHP,
    any: { ...any.php, install: 'composer require alibabacloud/openapi-core' },
  },
  {
    id: 'python',
    title: 'Python',
    generator: 'python',
    language: 'python',
    output: 'sample/sample.py',
    file: 'sample.py',
    install: 'pip install alibabacloud-cams20200606',
    quote: "'",
    env: (name) => `os.environ['${name}']`,
    print: /Out\.print\(response\)/,
    edits: PYTHON,
    any: { ...any.python, install: 'pip install alibabacloud-tea-openapi alibabacloud-tea-util' },
  },
  {
    id: 'csharp',
    title: 'C#',
    generator: 'csharp',
    language: 'csharp',
    output: 'core/Sample.cs',
    file: 'Sample.cs',
    install: 'dotnet add package AlibabaCloud.SDK.Cams20200606',
    community: true,
    quote: '"',
    env: (name) => `Environment.GetEnvironmentVariable("${name}")`,
    print: /Out\.Out\.Print\(response\);/,
    edits: [without(/^using (?:System\..*|Tea.*);\n/gm), [/^using System;\n\n+/m, 'using System;\n\n'], ...CSHARP],
    any: { ...any.csharp, install: 'dotnet add package AlibabaCloud.OpenApiClient && dotnet add package AlibabaCloud.TeaUtil' },
  },
  {
    id: 'swift',
    title: 'Swift',
    generator: 'swift',
    language: 'swift',
    output: 'Sample.swift',
    file: 'main.swift',
    install: 'Swift package: AlibabacloudCams20200606 of github.com/alibabacloud-sdk-swift/cams-20200606',
    community: true,
    quote: '"',
    env: (name) => `ProcessInfo.processInfo.environment["${name}"]!`,
    print: /Out\.Out\.print\(response\)/,
    edits: [
      ...SWIFT,
      // Its models read maps by the names of the wire, and integers of 64 bits alone.
      [/"(?:isvCode|custSpaceId|granularity|phoneNumber|start|end)":/g, (found) => `"${found[1].toUpperCase()}${found.slice(2)}`],
      [/\b(1{13}|2{13})\b/g, 'Int64($1)'],
    ],
    any: { ...any.swift, install: 'Swift package: AlibabacloudOpenApi of github.com/alibabacloud-sdk-swift/darabonba-openapi' },
  },
];

const OPTIONAL = ['IsvCode', 'CustSpaceId', 'Granularity', 'PhoneNumber', 'protocol'];

/**
 * A file of a generator as markup.
 * @param {string} text
 * @param {(typeof LANGUAGES)[number]} of
 * @param {'typed' | 'any'} kind
 */
export function markup(text, of, kind) {
  const edit = (/** @type {RegExp} */ pattern, /** @type {any} */ by) => {
    if (text.search(pattern) < 0) {
      throw new Error(`${of.id} (${kind}): nothing is like ${pattern}`);
    }
    text = text.replace(pattern, by);
  };
  const own = kind === 'any' ? /** @type {NonNullable<typeof of.any>} */ (of.any) : undefined;
  const quoted = (/** @type {string} */ value) => `${of.quote}${value}${of.quote}`;
  for (const [pattern, by] of own?.edits ?? of.edits) {
    edit(/** @type {RegExp} */ (pattern), by);
  }
  edit(of.print, (own?.print ?? ROWS[of.language]).replaceAll('$', '$$$$'));
  for (const name of KEYS) {
    edit(new RegExp(quoted(`__env_${name}__`)), of.env(name).replaceAll('$', '$$$$'));
  }
  edit(new RegExp(quoted('__host__')), '⟦host:string⟧');
  if (own) {
    edit(new RegExp(quoted('__action__')), `${of.quote}⟦action:name⟧${of.quote}`);
    edit(new RegExp(quoted('__version__')), '⟦version:string⟧');
    const { pattern, line, between, after, empty } = own.each;
    // An empty list leaves an empty pair of brackets.
    const closing = empty ?? (after.trimEnd() === '' ? '' : after.trimStart());
    edit(pattern, `⟦*${JSON.stringify({ ...(between ? { between } : {}), after, empty: closing })}⟧${line}⟦/⟧`);
  } else {
    edit(/1111111111111/, '⟦Start:int=1693107714687⟧');
    edit(/2222222222222/, '⟦End:int=1693407714687⟧');
  }
  for (const name of OPTIONAL.filter((name) => name === 'protocol' || !own)) {
    edit(new RegExp(`^((?:⟦/⟧)?)(.*)${quoted(`__${name}__`)}(.*)\\n`, 'm'), `$1⟦?${name}⟧$2⟦${name}:string⟧$3\n⟦/⟧`);
  }
  text = of.last?.(text) ?? text;
  text = `${text.trim()}\n`;
  if (/__(?!DIR__|name__|main__)\w+?__|\b[Oo]ut[.:]+(?:[Oo]ut|[Pp]rint\b)/.test(text)) {
    throw new Error(`${of.id} (${kind}): something of the sources is left:\n${text}`);
  }
  return text;
}
