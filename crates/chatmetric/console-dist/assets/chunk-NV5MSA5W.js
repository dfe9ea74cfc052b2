var o=globalThis.chatmetricConsole["src/components/copy.tsx:CopyButton"];export{o as a};
