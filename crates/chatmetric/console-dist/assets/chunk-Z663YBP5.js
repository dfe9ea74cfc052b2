var{failureText:e,shell:s}=globalThis.chatmetricConsole["src/messages/en/shell.ts"];export{s as a};
