// The start: theme, links, then the app. Nothing else happens at load time.
import { render } from "preact";
import { App } from "./app.tsx";
import { catchLinks } from "./router.ts";
import { startTheme } from "./theme.ts";

startTheme();
catchLinks();
const root = document.getElementById("app");
if (root) render(<App />, root);
