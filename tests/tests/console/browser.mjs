// The page in a real Chromium, as people meet it: signed in by keyboard, in both languages, on a screen and on a phone.
// Whatever the browser itself complains about (a refused style, a missing file, a script error) fails the test.
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";

const { CONSOLE_URL: url, CONSOLE_TOKEN: token, CONSOLE_KEY: key, CONSOLE_DAY: day, CONSOLE_SHOTS: shots } = process.env;
const require = createRequire(`${process.env.CONSOLE_PLAYWRIGHT ?? process.cwd()}/`);
const { chromium } = require("playwright-core");
const axe = require("axe-core");

const problems = [];
const check = (holds, words) => {
  if (!holds) problems.push(words);
};
if (shots) mkdirSync(shots, { recursive: true });

const executablePath = process.env.CHROMIUM ?? undefined;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

async function walk(locale, width, height) {
  const name = `${locale}-${width}`;
  const context = await browser.newContext({ locale, viewport: { width, height } });
  const page = await context.newPage();
  page.on("console", (message) => problems.push(`${name} ${page.url()}: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`${name} ${page.url()}: ${error}`));
  page.on("requestfailed", (request) => problems.push(`${name}: ${request.url()} ${request.failure()?.errorText}`));
  page.on("response", (answer) => check(answer.status() < 400, `${name}: ${answer.status()} ${answer.url()}`));

  await page.goto(url);
  await page.focus("#name");
  await page.keyboard.type("李雷");
  await page.keyboard.press("Tab");
  await page.keyboard.type(token);
  await page.keyboard.press("Enter");
  await page.waitForSelector("header nav");
  check((await page.locator("html").getAttribute("lang")).startsWith(locale.slice(0, 2)), `${name}: the language is another`);

  // The first stop of the keyboard leads past the navigation.
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement?.getAttribute("href"));
  check(first === "#main", `${name}: the first stop is ${first}`);
  await page.keyboard.press("Enter");
  check((await page.evaluate(() => document.activeElement?.id)) === "main", `${name}: the skip link leads nowhere`);

  const query = `key=${encodeURIComponent(key)}`;
  const pages = ["", "/attention", "/documents", `/document?${query}`, `/replay?${query}`, `/decide?${query}&do=skip`, "/flow", "/deeds",
    "/watermark?scheme=online-sales&at=2026-01-01T08:00", "/set-watermark?scheme=online-sales&to=2026-01-01T08:00", "/pace?do=pause&system=bip",
    "/reconciliation", `/reconciliation?scheme=online-sales&day=${day}`];
  for (const path of pages) {
    await page.goto(url + path);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(wide <= 0, `${name} ${path}: ${wide} pixels stick out`);
    check((await page.locator("h1").count()) === 1, `${name} ${path}: not one heading`);
    check((await page.locator("script").count()) === 0, `${name} ${path}: a script`);
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll("input:not([type=hidden]), select, button, a")]
        .filter((own) => !(own.labels?.length || own.getAttribute("aria-label") || own.textContent.trim()))
        .map((own) => own.outerHTML));
    check(nameless.length === 0, `${name} ${path}: nothing names ${nameless}`);
    const captions = await page.evaluate(() => [...document.querySelectorAll("table")].filter((table) => !table.caption).length);
    check(captions === 0, `${name} ${path}: ${captions} tables without a caption`);
    // What a machine can tell of contrast, names, headings and landmarks.
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    for (const { id, help, nodes } of violations) check(false, `${name} ${path}: ${id}: ${help}: ${nodes[0].html}`);
    if (shots) await page.screenshot({ path: `${shots}/${name}${path.replace(/\W+/g, "-").slice(0, 24) || "-today"}.png`, fullPage: true });
  }

  // The field of the problem is marked where it stands.
  await page.goto(`${url}/document?${query}`);
  check((await page.locator(".marked").count()) > 0, `${name}: no field is marked`);

  // The other language, and back.
  await page.click("a.lang");
  const other = await page.locator("html").getAttribute("lang");
  check(!other.startsWith(locale.slice(0, 2)), `${name}: the language did not change`);
  check(page.url().includes("document"), `${name}: the language switch leads to ${page.url()}`);

  await page.click("form[action$='sign-out'] button");
  await page.waitForSelector("#token");
  await context.close();
}

for (const locale of ["zh-CN", "en-GB"]) {
  await walk(locale, 1280, 900);
  await walk(locale, 390, 844);
}
await browser.close();
for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
