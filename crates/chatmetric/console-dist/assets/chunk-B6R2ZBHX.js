var e=globalThis.chatmetricConsole["src/messages/en/shell.ts:shell"];export{e as a};
