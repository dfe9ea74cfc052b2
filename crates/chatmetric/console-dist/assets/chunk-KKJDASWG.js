var s=globalThis.chatmetricConsole["src/components/tabs.tsx:Tabs"];export{s as a};
