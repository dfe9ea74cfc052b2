var{DAY:t,HALF_HOUR:s,HOUR:o,MINUTE:a,dayStart:n,instantOf:c,knows:e,offsetAt:l,ticks:i,wallAt:r}=globalThis.chatmetricConsole["src/zone.ts"];export{t as a,c as b,e as c,r as d};
