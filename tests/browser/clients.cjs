// One client of the namespace: node clients.cjs LIBRARY URL TRANSPORTS; prints every event as a line of JSON.
const { createRequire } = require("node:module");
const path = require("node:path");

const [library, url, transports] = process.argv.slice(2);
const load = createRequire(path.resolve(__dirname, "../../examples/browser/package.json"));
const { io } = load(library);

const socket = io(`${url}/kafka`, { transports: transports.split(","), reconnection: false, timeout: 5000 });
const say = (event) => process.stdout.write(JSON.stringify(event) + "\n");
for (const name of ["logs", "kafkaproducer", "kafkaconsumer1", "kafkaconsumer"]) {
  socket.on(name, (carried) => {
    say([name, carried]);
    if (name === "logs" && carried.data.startsWith("Error: ")) socket.disconnect();
  });
}
socket.on("connect_error", (error) => {
  say(["connect_error", error.message]);
  process.exit(1);
});
// Two quick submits, a plain list, and what is no text as the end mark.
socket.emit("kafkaproducer", "first");
socket.emit("kafkaproducer", "zweite Grüße 🙂");
socket.emit("kafkaconsumer", { any: "payload" });
socket.emit("kafkaproducer", { no: "text" });
