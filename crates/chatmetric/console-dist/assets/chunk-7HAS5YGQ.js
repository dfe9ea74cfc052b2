var o=globalThis.chatmetricConsole["src/clock.ts:now"];export{o as a};
