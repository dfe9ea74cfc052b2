var{Fragment:s,jsx:t,jsxAttr:e,jsxDEV:x,jsxEscape:j,jsxTemplate:a,jsxs:r}=globalThis.chatmetricConsole["preact/jsx-runtime"];export{s as a,t as b,r as c};
