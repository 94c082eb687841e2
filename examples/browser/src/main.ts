// The page at /demo: what the namespace /kafka says, shown as it comes.
import { connectKafka, type KafkaSocket } from "./kafka.js";
import { Lines } from "./lines.js";
import { follow, readableTopics } from "./live.js";
import { logInByAddress, tokenInAddress, whoAmI } from "./session.js";

const MOST_LINES = 1000;
const RATE_MS = 1000;
// What the manual's examples read.
const FIRST_TOPIC = "weather";
const NO_ANSWER = "Error: cannot connect, the gateway does not answer; trying again";
const NO_ANSWER_TO_FILE = `${NO_ANSWER}. A page opened as a file needs --allow-null-origin.`;
const NOT_LOGGED_IN =
  "You are not logged in, so you see only what anybody may. Open the address with #token=… that tailrace dev prints.";
const fromFile = location.protocol === "file:";

// Opened as a file it belongs to no server: `demo.html?gateway=http://127.0.0.1:8484`.
const named = new URLSearchParams(location.search).get("gateway");
const gateway = fromFile ? (named ?? "http://127.0.0.1:8484/") : new URL(".", location.href).href;

function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`The page has no ${id}.`);
  return found;
}

const state = element("state", HTMLElement);
const text = element("text", HTMLInputElement);
const logs = new Lines(element("logs", HTMLElement), MOST_LINES);
const messages = new Lines(element("messages", HTMLElement), MOST_LINES);

function log(said: string): void {
  logs.add(said.startsWith("Error: ") ? { text: said, look: "error" } : { text: said });
}

function setState(name: "connected" | "connecting" | "disconnected"): void {
  state.textContent = name;
  state.dataset["state"] = name;
}

function listen(socket: KafkaSocket): void {
  const count = element("count", HTMLElement);
  const showCount = () => (count.textContent = messages.total.toLocaleString("en"));
  let away = false;
  socket.on("connect", () => {
    setState("connected");
    away = false;
    socket.emit("kafkaconsumer");
  });
  socket.on("disconnect", (reason) => {
    setState("disconnected");
    log(`Connection lost: ${reason}`);
  });
  socket.io.on("reconnect_attempt", () => setState("connecting"));
  socket.on("connect_error", (error) => {
    setState("disconnected");
    // While it is active it tries again by itself; otherwise the gateway's answer says why not.
    if (!socket.active) log(`Error: cannot connect: ${error.message}`);
    else if (!away) log(fromFile ? NO_ANSWER_TO_FILE : NO_ANSWER);
    away = true;
  });
  socket.on("logs", ({ data }) => log(data));
  socket.on("kafkaconsumer1", () => {
    messages.clear();
    showCount();
  });
  socket.on("kafkaconsumer", ({ data }) => {
    messages.add(data === null ? { text: "null", look: "null" } : { text: data });
    showCount();
  });
}

function offer(socket: KafkaSocket): void {
  element("form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    if (!socket.connected) log("Not connected: the text waits in this page and is sent when the gateway answers");
    socket.emit("kafkaproducer", text.value);
    text.select();
  });
  element("list", HTMLButtonElement).addEventListener("click", () => {
    // With a new connection the list comes anyway.
    if (socket.connected) socket.emit("kafkaconsumer");
  });
}

function rateText(source: EventSource | undefined, arrived: number): string {
  if (source?.readyState === EventSource.CONNECTING) return "connecting";
  if (source?.readyState === EventSource.CLOSED) return "ended; load the page again";
  return `${arrived.toLocaleString("en")} records/s`;
}

async function showLive(): Promise<void> {
  const topics = await readableTopics(gateway);
  if (topics.length === 0) return;
  const choice = element("topic", HTMLSelectElement);
  const rate = element("rate", HTMLElement);
  const records = new Lines(element("records", HTMLElement), MOST_LINES);
  let source: EventSource | undefined;
  let before = 0;
  choice.append(...topics.map((topic) => new Option(topic)));
  if (topics.includes(FIRST_TOPIC)) choice.value = FIRST_TOPIC;
  const watch = () => {
    source?.close();
    records.clear();
    before = 0;
    source = follow(gateway, choice.value, (line) => records.add(line));
  };
  choice.addEventListener("change", watch);
  setInterval(() => {
    rate.textContent = rateText(source, records.total - before);
    before = records.total;
  }, RATE_MS);
  element("live", HTMLElement).hidden = false;
  watch();
}

async function logIn(): Promise<void> {
  const who = element("who", HTMLElement);
  const refused = await logInByAddress(gateway);
  if (refused !== null) log(refused);
  const { name, everywhere } = await whoAmI(gateway);
  who.textContent = name === "anonymous" && !everywhere ? NOT_LOGGED_IN : `You are ${name}.`;
}

// With the page open already, a new token in its address loads nothing by itself.
addEventListener("hashchange", () => {
  if (tokenInAddress() !== null) location.reload();
});

async function start(): Promise<void> {
  if (!fromFile) await logIn();
  const socket = connectKafka(gateway);
  listen(socket);
  offer(socket);
  // Streams do not take pages that were opened as a file.
  if (!fromFile) await showLive();
}

start().catch((error: unknown) => log(`Error: ${String(error)}`));
