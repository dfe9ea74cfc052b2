var{SKEW_MAX_MS:o,heard:c,now:s,skew:e}=globalThis.chatmetricConsole["src/clock.ts"];export{s as a};
