var{Toasts:t,toast:o}=globalThis.chatmetricConsole["src/components/toast.tsx"];export{o as a};
