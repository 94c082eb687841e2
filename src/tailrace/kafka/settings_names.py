"""librdkafka's names by who uses them, for near misses and so that no client warns about another's."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


BOTH = _names(
    """
    bootstrap.servers metadata.broker.list client.id client.rack client.dns.lookup client.software.name
    client.software.version message.max.bytes message.copy.max.bytes receive.message.max.bytes
    max.in.flight.requests.per.connection max.in.flight metadata.recovery.strategy
    metadata.recovery.rebootstrap.trigger.ms topic.metadata.refresh.interval.ms metadata.max.age.ms
    topic.metadata.refresh.fast.interval.ms topic.metadata.refresh.sparse topic.metadata.propagation.max.ms
    topic.blacklist debug socket.timeout.ms socket.send.buffer.bytes socket.receive.buffer.bytes
    socket.keepalive.enable socket.nagle.disable socket.max.fails broker.address.ttl broker.address.family
    socket.connection.setup.timeout.ms connections.max.idle.ms reconnect.backoff.ms reconnect.backoff.max.ms
    retry.backoff.ms retry.backoff.max.ms statistics.interval.ms log_level log.connection.close
    api.version.request api.version.request.timeout.ms api.version.fallback.ms broker.version.fallback
    enable.random.seed enable.metrics.push security.protocol ssl.cipher.suites ssl.curves.list
    ssl.sigalgs.list ssl.key.location ssl.key.password ssl.key.pem ssl.certificate.location
    ssl.certificate.pem ssl.ca.location ssl.ca.pem ssl.ca.certificate.stores ssl.crl.location
    ssl.keystore.location ssl.keystore.password ssl.providers ssl.engine.location ssl.engine.id
    enable.ssl.certificate.verification ssl.endpoint.identification.algorithm sasl.mechanisms sasl.mechanism
    sasl.kerberos.service.name sasl.kerberos.principal sasl.kerberos.kinit.cmd sasl.kerberos.keytab
    sasl.kerberos.min.time.before.relogin sasl.username sasl.password sasl.oauthbearer.config
    enable.sasl.oauthbearer.unsecure.jwt sasl.oauthbearer.method sasl.oauthbearer.client.id
    sasl.oauthbearer.client.secret sasl.oauthbearer.scope sasl.oauthbearer.extensions
    sasl.oauthbearer.token.endpoint.url https.ca.location https.ca.pem
    """
)

CONSUMER = _names(
    """
    group.id group.instance.id group.protocol group.protocol.type group.remote.assignor
    partition.assignment.strategy session.timeout.ms heartbeat.interval.ms coordinator.query.interval.ms
    max.poll.interval.ms auto.commit.interval.ms queued.min.messages
    queued.max.messages.kbytes fetch.wait.max.ms fetch.queue.backoff.ms fetch.message.max.bytes
    max.partition.fetch.bytes fetch.max.bytes fetch.min.bytes fetch.error.backoff.ms enable.partition.eof
    check.crcs
    """
)

PRODUCER = _names(
    """
    queue.buffering.max.messages queue.buffering.max.kbytes
    message.send.max.retries retries queue.buffering.backpressure.threshold compression.codec
    compression.type compression.level batch.num.messages batch.size sticky.partitioning.linger.ms
    request.timeout.ms message.timeout.ms delivery.timeout.ms partitioner transaction.timeout.ms
    """
)

ONE_SIDED = CONSUMER | PRODUCER
ALL = BOTH | ONE_SIDED

# Names without a dot that librdkafka or its Python binding takes; anything else without one is a typing
# error or a pointer of the C library.
WITHOUT_DOT = frozenset({"debug", "log_level", "retries", "partitioner", "oauth_cb", "stats_cb"})

OWNED = {
    "isolation.level": "only committed records are shown",
    "enable.auto.commit": "the gateway's readers commit nothing, programs what they have handled",
    "auto.offset.reset": "a lost position is announced as a gap, never jumped over",
    "enable.idempotence": "every write is idempotent",
    "acks": "a write is acknowledged when all in-sync replicas have it",
    "transactional.id": "transactions are Tailrace's own",
    "allow.auto.create.topics": "a topic is never made by using it",
    "plugin.library.paths": "no foreign code is loaded into the process",
    # The same settings under librdkafka's other names, and what would cut us off from its reports.
    "request.required.acks": "a write is acknowledged when all in-sync replicas have it",
    "auto.commit.enable": "the gateway's readers commit nothing, programs what they have handled",
    "enable.auto.offset.store": "the gateway's readers commit nothing, programs what they have handled",
    "linger.ms": "single records go at once, streams after 2 ms",
    "queue.buffering.max.ms": "single records go at once, streams after 2 ms",
    "delivery.report.only.error": "each record's outcome is told",
    "produce.offset.report": "each record's outcome is told",
    "offset.store.method": "positions are cursors",
    "offset.store.path": "positions are cursors",
    "log.queue": "the client's log goes to Tailrace's",
    "enable.gapless.guarantee": "a failed record must not stop the others",
    "test.mock.num.brokers": "a made-up cluster stores nothing",
    "internal.termination.signal": "signals are Tailrace's own",
    # Of kafka-python's producer, which librdkafka has not.
    "key_serializer": "a key is stored as the bytes that were given",
    "value_serializer": "a value is stored as the bytes that were given",
    "max_block_ms": "a produce is answered within 30 s, and refused at once where there is no room",
}

# What librdkafka calls names of kafka-python's producer that are not like its own.
MEANT = {"buffer_memory": "queue.buffering.max.kbytes", "max_request_size": "message.max.bytes"}
