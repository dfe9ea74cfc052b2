var s=globalThis.chatmetricConsole["src/session.ts:useMay"],o=globalThis.chatmetricConsole["src/session.ts:useSession"];export{s as a,o as b};
