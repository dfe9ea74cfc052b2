var{Frame:e,LazyPage:a,useModule:o}=globalThis.chatmetricConsole["src/lazy.tsx"];export{e as a,o as b};
