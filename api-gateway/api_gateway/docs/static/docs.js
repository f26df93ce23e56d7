// Shows the merged document with Swagger UI, and signs in so that "Try it out" sends a token.
"use strict";

const SCHEME = "bearerAuth";
// Renewed this long before the access token ends.
const EARLY_SECONDS = 60;

const element = (id) => document.getElementById(id);
const form = element("sign-in");

let ui = null;
let session = null;
let renewal = null;

async function post(path, body, token) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const document_ = await answer.json();
  if (!answer.ok) throw new Error(document_.message);
  return document_.data;
}

function show(who, problem) {
  form.hidden = Boolean(who);
  element("signed-in").hidden = !who;
  element("who").textContent = who ? `Signed in as ${who}` : "";
  element("refused").hidden = !problem;
  element("refused").textContent = problem || "";
}

function use(tokens, who) {
  session = { ...tokens, who };
  ui.preauthorizeApiKey(SCHEME, tokens.access_token);
  clearTimeout(renewal);
  renewal = setTimeout(renew, Math.max(1, tokens.expires_in - EARLY_SECONDS) * 1000);
  show(who);
}

function forget(problem) {
  clearTimeout(renewal);
  session = null;
  ui.authActions.logout([SCHEME]);
  show(null, problem);
}

async function renew() {
  const { refresh_token, who } = session;
  try {
    use(await post("/api/users/refresh", { refresh_token }), who);
  } catch (error) {
    forget(`Signed out: ${error.message}`);
  }
}

async function signIn(event) {
  event.preventDefault();
  const button = form.querySelector("button");
  const { email, password } = Object.fromEntries(new FormData(form));
  button.disabled = true;
  try {
    use(await post("/api/users/login", { email, password }), email);
    form.reset();
  } catch (error) {
    show(null, error.message);
  } finally {
    button.disabled = false;
  }
}

async function signOut() {
  const { access_token } = session;
  forget();
  // The token is forgotten here in any case; should this fail, it ends by itself.
  await post("/api/users/logout", {}, access_token).catch(() => {});
}

function nameUnavailable(missing) {
  if (!missing || !missing.length) return;
  const names = missing.map(({ service, reason }) => `${service} (${reason})`).join("; ");
  element("unavailable").textContent = `Not described here, because the document is unavailable: ${names}. Reload to try again.`;
  element("unavailable").hidden = false;
}

async function start() {
  const answer = await fetch("/openapi.json");
  const spec = await answer.json();
  nameUnavailable(spec["x-unavailable"]);
  ui = SwaggerUIBundle({
    spec,
    dom_id: "#ui",
    deepLinking: true,
    displayRequestDuration: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    filter: true,
    // Or the document would be sent to a validator on the internet.
    validatorUrl: null,
  });
  window.ui = ui;
  form.addEventListener("submit", signIn);
  element("sign-out").addEventListener("click", signOut);
}

start().catch((error) => show(null, `The document cannot be read: ${error.message}`));
