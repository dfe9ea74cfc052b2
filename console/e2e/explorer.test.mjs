// The Explorer in a browser: answers that come late, denials of keys, times in three ways, the way
// to the signature debugger, the history of an operation, and what stands there when nothing loads.
import assert from "node:assert/strict";
import { test } from "node:test";
import { browserHere, eventually, skip } from "./on.mjs";
import { settled } from "./pages.mjs";

const on = browserHere();

const REQUEST_ID = "1612C226-E271-4CFE-9F18-4066D6E1A0B7";
const RANGE = "Start=1795000000000&End=1795300000000";
const run = (page) => page.getByRole("button", { name: "Run", exact: true });

/** Answers calls of the console with an error, each as soon as it is let go. */
async function refuse(page, status, code, message) {
  const waiting = [];
  await page.route("**/console/api/call", async (route) => {
    await new Promise((resolve) => waiting.push(resolve));
    const body = JSON.stringify({ RequestId: REQUEST_ID, HostId: "localhost", Code: code, Message: message });
    await route.fulfill({ json: { status, reason: "Bad Request", tookMs: 3, headers: [], body, request: { method: "POST", target: "/", headers: [], body: "", canonicalRequest: "", stringToSign: "" }, requestId: REQUEST_ID, denied: null } });
  });
  return async () => {
    await eventually(() => assert.ok(waiting.length > 0));
    const answered = page.waitForResponse("**/console/api/call");
    waiting.shift()();
    await answered;
  };
}

test("a late answer is not another operation's, nor are its faults", { skip }, () =>
  on(`explorer?${RANGE}`, {}, async (page) => {
    const letGo = await refuse(page, 400, "MissingUserName", "UserName is mandatory for this action.");
    await run(page).click();
    await page.getByRole("button", { name: "Running" }).waitFor();
    await page.getByLabel("Operation").selectOption("CreateUser");
    await page.getByText("Nothing was run yet").waitFor();
    // Another operation can be run meanwhile.
    await page.getByLabel("UserName").fill("alice");
    await eventually(async () => assert.ok(await run(page).isEnabled()));
    await letGo();
    await page.getByRole("tab", { name: "History" }).click();
    await page.locator(".history").getByText("GetChatappPhoneNumberMetric").waitFor();
    await page.getByRole("tab", { name: "Response" }).click();
    await page.getByText("Nothing was run yet").waitFor();
    assert.equal(await page.locator(".field-error").count(), 0);
    assert.equal(await page.getByText("MissingUserName").count(), 0);
    await page.getByRole("tab", { name: "Signed request" }).click();
    assert.equal(await page.locator(".code").count(), 0);
    // Its own operation has it.
    await page.getByRole("tab", { name: "Response" }).click();
    await page.getByLabel("Operation").selectOption("GetChatappPhoneNumberMetric");
    await page.getByRole("heading", { name: "MissingUserName" }).waitFor();
  }));

test("a fault is at its field until that is changed, and an old answer says of what it is", { skip }, () =>
  on(`explorer?${RANGE}&PhoneNumber=none`, {}, async (page) => {
    const letGo = await refuse(page, 400, "InvalidParameter.PhoneNumber", "It has no digit.");
    await run(page).click();
    await letGo();
    await page.locator(".field-error", { hasText: "It has no digit." }).waitFor();
    assert.equal(await page.getByText("The form was changed since").count(), 0);
    await page.getByLabel("PhoneNumber").fill("861380000");
    await eventually(async () => assert.equal(await page.locator(".field-error").count(), 0));
    await page.locator(".banner", { hasText: "The form was changed since" }).getByText("PhoneNumber=none").waitFor();
  }));

test("an error of Ram has its cause and its cure", { skip }, () =>
  on("explorer/CreateUser?UserName=alice", {}, async (page) => {
    const letGo = await refuse(page, 409, "EntityAlreadyExists.User", "The user does already EXIST.");
    await run(page).click();
    await page.getByRole("dialog").getByRole("button", { name: "Run", exact: true }).click();
    await letGo();
    await page.getByText("There is a user of that name.").waitFor();
    await page.getByText("Take another name, or go on with what is there.").waitFor();
    await page.getByRole("tab", { name: "Documentation" }).click();
    const errors = page.getByRole("region", { name: "Errors of any call" });
    await errors.getByText(/2015-05-01 to Ram/).waitFor();
    await errors.getByText("Throttling.User").waitFor();
  }));

test("a denial of a key says which statement is missing", { skip }, () =>
  on(`explorer?${RANGE}`, {}, async (page) => {
    const detail = { PolicyType: "AccountLevelIdentityBasedPolicy", AuthPrincipalOwnerId: "1045098765437731", AuthPrincipalType: "SubUser", AuthPrincipalDisplayName: "reader", NoPermissionType: "ImplicitDeny", AuthAction: "cams:GetChatappPhoneNumberMetric" };
    await page.route(
      (url) => url.pathname === "/",
      (route) => route.fulfill({ status: 400, json: { RequestId: REQUEST_ID, HostId: "localhost", Code: "Ram.PermissionDeny", Message: "You are not authorized to perform the operation.", AccessDeniedDetail: detail } }),
    );
    await page.getByLabel("AccessKey, signed in this browser").check();
    await page.getByLabel("AccessKey id").fill("LTAI5tExampleKey0000000001");
    await page.getByLabel("AccessKey secret").fill("exampleSecret0123456789abcdefgh");
    await run(page).click();
    const banner = page.locator(".banner.bad");
    await banner.getByText("Ram.PermissionDeny").waitFor();
    assert.deepEqual(JSON.parse(await banner.locator("pre").textContent()), { Effect: "Allow", Action: "cams:GetChatappPhoneNumberMetric", Resource: "acs:cams:*:1045098765437731:*" });
    assert.equal(await banner.getByRole("link", { name: "Open Access" }).getAttribute("href"), "/console/access/policies");
  }));

test("a time is typed as ISO, as milliseconds, or picked in the zone of the space", { skip }, () =>
  on(`explorer?${RANGE}`, {}, async (page) => {
    const field = page.locator(".time-field").first();
    const text = field.locator("input").first();
    const says = (ms) => eventually(async () => {
      assert.equal(new URL(page.url()).searchParams.get("Start"), String(ms));
      assert.equal(await text.inputValue(), String(ms));
    });
    const calendar = page.getByLabel("Start, Calendar in Asia/Singapore");
    await field.getByText("Calendar in Asia/Singapore").waitFor();
    // Typed key by key, with the zone last.
    await text.fill("");
    await text.pressSequentially("2026-11-20T15:42:10+08:00");
    await says(Date.UTC(2026, 10, 20, 7, 42, 10));
    await field.getByText("= 2026-11-20T07:42:10.000Z").waitFor();
    assert.match(await calendar.inputValue(), /^2026-11-20T15:42:10/);
    await text.fill("2026-11-21T00:00:00Z");
    await says(Date.UTC(2026, 10, 21));
    await calendar.fill("2026-11-19T08:30:15");
    await says(Date.UTC(2026, 10, 19, 0, 30, 15));
    await text.fill("1795000000000");
    await says(1_795_000_000_000);
    assert.match(await calendar.inputValue(), /^2026-11-18T/);
    // What is no time is said with the field and with what is valid, and is not sent.
    for (const wrong of ["2026-02-30T00:00:00Z", "2026-11-20T15:42:10", "soon"]) {
      await text.fill(wrong);
      const error = page.locator(".field-error");
      await eventually(async () => assert.match(await error.textContent(), /^Start is no time\. .*milliseconds.*2026-11-23T07:42:10Z or 2026-11-23T15:42:10\+08:00/));
      assert.equal(await text.getAttribute("aria-invalid"), "true");
      assert.ok((await text.getAttribute("aria-describedby")).includes(await error.getAttribute("id")));
      assert.ok(await run(page).isDisabled(), wrong);
    }
    await page.getByText("No time: Start").waitFor();
  }));

test("without a space to ask for, the calendar is in UTC and says so", { skip }, () =>
  on(`explorer?${RANGE}`, { noSpaces: true }, async (page) => {
    await page.getByLabel("Start, Calendar in UTC").fill("2026-11-19T08:30:15");
    await eventually(async () => assert.equal(new URL(page.url()).searchParams.get("Start"), String(Date.UTC(2026, 10, 19, 8, 30, 15))));
  }));

test("a signed request goes on to the debugger, and into no address or store", { skip }, () =>
  on(`explorer?${RANGE}`, {}, async (page) => {
    await run(page).click();
    await page.getByText("200 OK").waitFor();
    await page.getByRole("tab", { name: "Signed request" }).click();
    const sent = await page.getByRole("region", { name: "Request on the wire" }).locator("pre").textContent();
    await page.getByRole("button", { name: "Debug this signature" }).click();
    await page.waitForURL(/\/console\/signature$/);
    const request = page.getByLabel("Request", { exact: true });
    await eventually(async () => assert.equal(await request.inputValue(), sent));
    assert.match(sent, /^POST \/\?.*Start=1795000000000.* HTTP\/1\.1\nhost: /);
    await page.getByText("Filled in with the request that the Explorer sent.").waitFor();
    assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage, state: history.state }).includes("1795000000000")), false);
    const asked = page.waitForRequest((one) => one.url().endsWith("/sign/explain"));
    await page.getByRole("button", { name: "Explain" }).click();
    assert.deepEqual(JSON.parse((await asked).postData()), { text: sent });
    // By itself it is empty.
    await page.reload();
    await settled(page);
    assert.equal(await request.inputValue(), "");
  }));

test("an operation tells what each release changed", { skip }, async () => {
  await on("explorer?Start=1&End=2", {}, async (page) => {
    await page.route("**/console/api/operations", async (route) => {
      const body = await (await route.fetch()).json();
      body.operations[0].changes = [{ version: "0.2.0", date: null, text: "More." }, { version: "0.1.0", date: "2026-12-01", text: "Served in full." }];
      await route.fulfill({ json: body });
    });
    await page.reload();
    await page.getByRole("tab", { name: "Documentation" }).click();
    await page.getByText("Served in full.").waitFor();
    const history = page.locator("section", { has: page.getByRole("heading", { name: "Change history" }) }).last();
    assert.match(await history.textContent(), /0\.2\.0, not yet releasedMore\.0\.1\.0, 2026-12-01Served in full\./);
  });
});

const BROKEN = { status: 500, code: "Internal", message: "something broke" };
const DENIED = { status: 403, code: "Denied", message: "you may not do this", denied: { action: "chatmetric:ReadDirectory", resource: "acs:chatmetric:*:1045098765437731:*", statement: { Effect: "Allow", Action: "chatmetric:ReadDirectory", Resource: "*" } } };

test("operations that cannot be loaded are an error that can be tried again", { skip }, () =>
  on("explorer", { faults: { operations: BROKEN } }, async (page, fake) => {
    const state = page.locator(".blank.error");
    await state.getByText("something broke").waitFor();
    await state.getByText(/Internal.*9C2E4A10/).waitFor();
    assert.equal(await page.locator(".explorer").count(), 0);
    fake.scenario = {};
    await state.getByRole("button", { name: "Try again" }).click();
    await run(page).waitFor();
    assert.equal(await state.count(), 0);
  }));

test("operations that may not be read are a denial with what is missing", { skip }, () =>
  on("explorer", { faults: { operations: DENIED } }, async (page) => {
    const state = page.locator(".blank.denied");
    await state.getByRole("heading", { name: "You may not: chatmetric:ReadDirectory" }).waitFor();
    assert.equal(JSON.parse(await state.locator("pre").textContent()).Action, "chatmetric:ReadDirectory");
    await state.getByRole("link", { name: "Open Access" }).waitFor();
    assert.equal(await page.locator(".blank.error").count(), 0);
  }));

test("a server that is gone is said to be gone", { skip }, () =>
  on("explorer", { faults: { operations: "drop" } }, async (page) => {
    await page.locator(".blank.error").getByRole("button", { name: "Try again" }).waitFor();
    assert.equal(await page.locator(".blank.denied").count(), 0);
  }));
