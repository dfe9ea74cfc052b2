var{useLoad:o}=globalThis.chatmetricConsole["src/components/load.ts"];export{o as a};
