// The signed request on its way from the Explorer to the signature debugger: in memory, so that it
// is in no address and gone with the tab. A signed request holds no secret.

let request = "";

export function handOver(text: string): void {
  request = text;
}

/** What was handed over; only once, so that the debugger is empty when it is opened by itself. */
export function taken(): string {
  const text = request;
  request = "";
  return text;
}
