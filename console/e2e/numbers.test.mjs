// Numbers that go to another space or to none, and a file whose progress is told while it is read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { browserHere, eventually, skip } from "./on.mjs";

const on = browserHere();

/** What was sent to change numbers. */
function changes(page) {
  const sent = [];
  page.on("request", (request) => {
    if (request.method() === "PATCH") sent.push([new URL(request.url()).pathname.split("/").pop(), JSON.parse(request.postData())]);
  });
  return sent;
}
const NO_ISV = [
  { id: "293483938849493", default: true, timeZone: "Asia/Singapore", unknownNumbers: "auto", numbersMax: 1000, numbers: 5, isvCode: null, owner: { id: "1", name: "Acme" } },
  { id: "space-sg", default: false, timeZone: "Asia/Singapore", unknownNumbers: "auto", numbersMax: 1000, numbers: 0, isvCode: null, owner: { id: "1", name: "Acme" } },
];

test("a number is moved to another space, or taken out", { skip }, () =>
  on("numbers", { spaces: NO_ISV }, async (page, fake) => {
    const sent = changes(page);
    const first = page.getByRole("button", { name: /^Move or take out/ }).first();
    await first.click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("What was counted stays where it is").waitFor();
    await dialog.getByRole("button", { name: "Move", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    await eventually(async () => assert.equal(fake.calls.filter((call) => call.startsWith("GET numbers?")).length, 2, "listed again"));
    await first.click();
    await dialog.getByLabel("To").selectOption({ label: "No space" });
    await dialog.getByRole("button", { name: "Take out" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.deepEqual(sent.map(([, body]) => body), [{ space: "space-sg" }, { space: null }]);
    assert.match(sent[0][0], /^\d+$/);
  }));

test("who may not change numbers is not asked to", { skip }, () =>
  on("numbers", { rights: ["cams:GetChatappPhoneNumberMetric"] }, async (page) => {
    await page.getByRole("table").waitFor();
    assert.equal(await page.getByRole("button", { name: /^Move or take out/ }).count(), 0);
  }));

test("a file's progress is told while the server reads it", { skip }, async () => {
  const line = (rows, more) => `${JSON.stringify({ rows, new: rows, duplicate: 0, ignored: 0, late: 0, quarantined: 0, bad: 0, done: false, ...more })}\n`;
  let answer;
  await on("ingest/import", { imports: (response) => { answer = response; } }, async (page) => {
    await page.locator('input[type="file"]').setInputFiles({ name: "a.ndjson", mimeType: "application/x-ndjson", buffer: Buffer.from("{}\n") });
    await page.getByRole("button", { name: "Import", exact: true }).click();
    await page.getByText("All of the file is sent; the server reads it.").waitFor();
    await eventually(() => assert.ok(answer));
    const rows = page.locator("dl.figures dd").first();
    answer.write(line(5_000));
    await eventually(async () => assert.equal(await rows.textContent(), "5,000"));
    // Half a line is not one.
    const next = line(10_000);
    answer.write(next.slice(0, 9));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(await rows.textContent(), "5,000");
    answer.end(`${next.slice(9)}${line(12_345, { done: true })}`);
    await eventually(async () => assert.equal(await rows.textContent(), "12,345"));
    await eventually(async () => assert.equal(await page.locator("progress").count(), 0));
  });
});
