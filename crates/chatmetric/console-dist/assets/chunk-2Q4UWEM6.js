var t=globalThis.chatmetricConsole["src/components/toast.tsx:toast"];export{t as a};
