// Asks for what every page needs while the app is still on its way and being compiled; `api.ts`
// takes the answers. It is the first script of the page, so it stays tiny and imports nothing.
const paths = ["session"];
if (/^\/console\/(metrics)?$/u.test(location.pathname)) paths.push("spaces");
const headers = { "X-Chatmetric": "1" };
window.early = Object.fromEntries(
  paths.map((path) => {
    const answer = fetch(`/console/api/${path}`, { headers, credentials: "same-origin", cache: "no-store" });
    // Whoever takes it hears of the failure.
    answer.catch(() => undefined);
    return [path, answer];
  }),
);
