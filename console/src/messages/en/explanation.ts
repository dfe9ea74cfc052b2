// English texts of what made a count.

export const explain = "Explain";
export const explainOf = (interval: string) => `Explain ${interval}`;

export const explanation = {
  title: "What made this count",
  number: "Phone number",
  sources: "By source",
  source: "Source",
  counted: "Counted as",
  total: "Total",
  sent: "Sent",
  delivered: "Delivered",
  reported: "Reported",
  implied: "Implied",
  moved: "Moved",
  duplicates: "Duplicates",
  late: "Late",
  kinds: { whatsapp: "WhatsApp webhook", cams: "CAMS receipts", events: "Events webhook", stream: "Stream", import: "Files", gone: "A webhook that is gone", other: "A source of another account", unknown: "Counted before sources were kept" } as Record<string, string>,
  how: "Implied: a later status came first, and what was read was delivered. Moved: an earlier time took the message to another interval. Duplicates and late reports change no count.",
  nothing: "Nothing was reported for it.",
  revisions: "Changed after it was over",
  received: (zone: string) => `Received, ${zone}`,
  since: (time: string) => `Unchanged since ${time}.`,
  open: "It is not over yet.",
  until: (time: string) => `Reports of it are taken until about ${time}.`,
};
