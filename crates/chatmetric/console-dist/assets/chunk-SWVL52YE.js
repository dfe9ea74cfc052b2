var{call:e,failure:s,get:i,isAsked:l,keep:o,onExpired:r,query:t}=globalThis.chatmetricConsole["src/api.ts"];export{e as a,s as b,i as c,t as d};
