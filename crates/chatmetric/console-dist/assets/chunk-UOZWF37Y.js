var{BASE:e,catchLinks:t,here:c,navigate:a,placeOf:o,to:s,usePlace:r}=globalThis.chatmetricConsole["src/router.ts"];export{a,s as b};
