import type { Line } from "./lines.js";

interface WireRecord {
  partition: number;
  offset: number;
  key: string | null;
  value: unknown;
}

/** The topics that this page may read; none where it may not even ask. */
export async function readableTopics(gateway: string): Promise<string[]> {
  const answer = await fetch(new URL("v1/topics", gateway));
  if (!answer.ok) return [];
  const { topics } = (await answer.json()) as { topics: { name: string; internal: boolean }[] };
  return topics.filter((topic) => !topic.internal).map((topic) => topic.name);
}

/** Follow a topic; EventSource comes back by itself, from where it was. */
export function follow(gateway: string, topic: string, show: (line: Line) => void): EventSource {
  const address = new URL("v1/stream", gateway);
  address.search = new URLSearchParams({ topic, from: "-20" }).toString();
  const source = new EventSource(address);
  source.addEventListener("message", (event: MessageEvent<string>) => show(recordLine(event.data)));
  source.addEventListener("gap", (event: MessageEvent<string>) =>
    show({ text: `Records are missing: ${event.data}`, look: "error" }),
  );
  source.addEventListener("problem", (event: MessageEvent<string>) =>
    show({ text: event.data, look: "error" }),
  );
  return source;
}

function recordLine(data: string): Line {
  const record = JSON.parse(data) as WireRecord;
  const place = `${record.partition}@${record.offset}${record.key === null ? "" : ` ${record.key}`}`;
  if (record.value === null) return { text: "null", look: "null", place };
  return { text: typeof record.value === "string" ? record.value : JSON.stringify(record.value), place };
}
