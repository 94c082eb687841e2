/**
 * Exchange the token in the page's address (`#token=…`) for a cookie that scripts can't read.
 *
 * The token leaves the address and the history before anything else happens.
 */
export async function logInByAddress(gateway: string): Promise<string | null> {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return null;
  history.replaceState(null, "", location.pathname + location.search);
  const answer = await fetch(new URL("v1/session", gateway), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  return answer.ok ? null : "Error: the token in this page's address is not known here";
}
