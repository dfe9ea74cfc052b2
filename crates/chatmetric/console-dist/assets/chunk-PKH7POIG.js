var{DAY:t,HALF_HOUR:s,HOUR:o,MINUTE:a,dayStart:n,instantOf:c,knows:e,offsetAt:l,ticks:i,wallAt:r}=globalThis.chatmetricConsole["src/zone.ts"];export{t as a,s as b,n as c,c as d,e,r as f};
