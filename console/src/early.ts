// Asks for what every page needs, and for the counts of the first one, while the app is still on
// its way and being compiled; `api.ts` takes the answers. It is the first script of the page, so it
// stays tiny and imports nothing.
const paths = ["session"];
const metrics = /^\/console\/(metrics)?$/u.test(location.pathname);
if (metrics) paths.push("spaces");
// Half hours of the default space: they need neither its id nor its zone. The path is that of
// `countsPath`; where it is not (another space, a clock that is wrong), nobody takes the answer.
const wanted = new URLSearchParams(location.search);
const days = { "24h": 1, "7d": 7, "31d": 31 }[wanted.get("range") ?? "7d"];
const plain = ["space", "isv", "numbers", "granularity"].every((name) => !wanted.has(name));
if (metrics && plain && days) {
  const end = (Math.floor(Date.now() / 1_800_000) + 1) * 1_800_000;
  paths.push(`metrics?start=${end - days * 86_400_000}&end=${end}&granularity=half-hour&total=1`);
}
// As long as `api.ts` waits for an answer: it stops waiting, this ends the call.
const signal = AbortSignal.timeout(30_000);
const headers = { "X-Chatmetric": "1" };
window.early = Object.fromEntries(
  paths.map((path) => {
    const asked = fetch(`/console/api/${path}`, { headers, credentials: "same-origin", cache: "no-store", signal });
    const answer = asked.then(async (response): Promise<[Response, string]> => [response, await response.text()]);
    // Whoever takes it hears of the failure.
    answer.catch(() => undefined);
    return [path, answer];
  }),
);
