var{SessionContext:s,loadSession:o,useEpoch:e,useMay:n,useSession:t}=globalThis.chatmetricConsole["src/session.ts"];export{n as a,t as b};
