const REFUSED =
  "Error: The token is not known here. tailrace dev makes a new one at each start, unless it is given one with --token.";

interface Session {
  name: string;
  grants: { topic: string }[];
}

/** The token that the page's address carries. */
export function tokenInAddress(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get("token");
}

/** Who the gateway takes this page for, and whether something is granted to it on all topics. */
export async function whoAmI(gateway: string): Promise<{ name: string; everywhere: boolean }> {
  const answer = await fetch(new URL("v1/session", gateway));
  if (!answer.ok) return { name: "anonymous", everywhere: false };
  const { name, grants } = (await answer.json()) as Session;
  return { name, everywhere: grants.some(({ topic }) => topic === "*") };
}

/**
 * Exchange the token in the page's address (`#token=…`) for a cookie that scripts can't read.
 *
 * The token leaves the address and the history before anything else happens.
 */
export async function logInByAddress(gateway: string): Promise<string | null> {
  const token = tokenInAddress();
  if (token === null) return null;
  history.replaceState(null, "", location.pathname + location.search);
  const answer = await fetch(new URL("v1/session", gateway), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  return answer.ok ? null : REFUSED;
}
