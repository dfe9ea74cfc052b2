var{Check:e,Field:t,Segments:c,Select:o,Text:s}=globalThis.chatmetricConsole["src/components/field.tsx"];export{e as a,t as b,c,o as d,s as e};
