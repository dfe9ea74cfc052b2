var{LinkTabs:s,Tabs:o}=globalThis.chatmetricConsole["src/components/tabs.tsx"];export{s as a,o as b};
