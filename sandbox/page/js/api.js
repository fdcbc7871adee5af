// The control API of the sandbox, over which this page sees and does everything.

const SILENT = "The sandbox does not answer. Is it still running?";

async function answerOf(response) {
  const body = await response.json().catch(() => null);
  if (body && (response.ok || body.error)) return body;
  return { error: `The sandbox answered ${response.status} and no reason.` };
}

/** The parsed answer, or {error} with one sentence to show. Never throws. */
export async function get(path) {
  try {
    return await answerOf(await fetch(path, { headers: { accept: "application/json" }, cache: "no-store" }));
  } catch {
    return { error: SILENT };
  }
}

/** Like get(), for a verb. */
export async function post(path, body = {}) {
  try {
    const headers = { accept: "application/json", "content-type": "application/json" };
    return await answerOf(await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
  } catch {
    return { error: SILENT };
  }
}

/** Listens to GET /control/stream; the browser reconnects by itself. */
export function listen({ opened, changed, lost }) {
  const source = new EventSource("/control/stream");
  source.addEventListener("open", opened);
  source.addEventListener("error", lost);
  source.addEventListener("message", (event) => {
    try {
      changed(JSON.parse(event.data));
    } catch {
      changed({});
    }
  });
  return source;
}
