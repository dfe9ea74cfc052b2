var{metrics:s}=globalThis.chatmetricConsole["src/messages/en/metrics.ts"];export{s as a};
