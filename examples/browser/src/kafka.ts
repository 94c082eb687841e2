import { io, type Socket } from "socket.io-client";

/** What every event of the namespace carries; null is a record without a value. */
interface Carried {
  data: string | null;
}

interface FromServer {
  logs(carried: { data: string }): void;
  kafkaproducer(carried: { data: string }): void;
  kafkaconsumer1(carried: { data: "" }): void;
  kafkaconsumer(carried: Carried): void;
}

interface ToServer {
  kafkaproducer(text: string): void;
  kafkaconsumer(): void;
}

export type KafkaSocket = Socket<FromServer, ToServer>;

/** A connection to the namespace of the gateway at this address. */
export function connectKafka(gateway: string): KafkaSocket {
  const base = new URL(gateway);
  return io(`${base.origin}/kafka`, { path: `${base.pathname}socket.io/` });
}
