// Requests to the server of this page. A failed one throws an Error with the server's line.

export async function get(path, query = {}) {
  const words = new URLSearchParams(query).toString();
  return answer(await fetch(words ? `${path}?${words}` : path));
}

export async function post(path, content) {
  return answer(await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Hubblefork": "1" },
    body: JSON.stringify(content),
    keepalive: true,  // it arrives also where the page is left meanwhile
  }));
}

export async function answer(response) {
  if (response.ok) return response.json();
  const text = await response.text();
  let reason = text.trim();
  try {
    reason = JSON.parse(text).error;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;  // else the line itself is the reason
  }
  const failed = new Error(reason || `the server answers ${response.status}`);
  failed.status = response.status;
  throw failed;
}

// Shows an error in the line for it, or hides that with nothing to tell.
export function tell(error) {
  const line = document.getElementById("problem");
  line.hidden = !error;
  line.textContent = error ? `${error.message || error}` : "";
}

export const imageAddress = (about, row) => `/image/${row}?of=${about.version}`;
