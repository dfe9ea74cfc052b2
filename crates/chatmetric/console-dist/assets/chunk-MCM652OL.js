var{CopyButton:o,copyText:t}=globalThis.chatmetricConsole["src/components/copy.tsx"];export{o as a};
