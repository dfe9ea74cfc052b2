var e=globalThis.chatmetricConsole["src/lazy.tsx:Frame"];var o=globalThis.chatmetricConsole["src/lazy.tsx:useModule"];export{e as a,o as b};
