var t=globalThis.chatmetricConsole["src/router.ts:navigate"];var o=globalThis.chatmetricConsole["src/router.ts:to"];export{t as a,o as b};
