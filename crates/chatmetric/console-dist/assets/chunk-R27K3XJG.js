var{Tabs:s}=globalThis.chatmetricConsole["src/components/tabs.tsx"];export{s as a};
