var o=globalThis.chatmetricConsole["src/components/load.ts:useLoad"];export{o as a};
