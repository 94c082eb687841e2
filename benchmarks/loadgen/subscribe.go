package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

const quietNanos = int64(10e9) // no byte for so long after the first record: nothing more will come

// crowd is a set of live subscribers measured together.
type crowd struct {
	o         *options
	loop      *loop
	streams   []*stream
	all       bool // every record's latency, not only the oldest of each read
	connected int
	reached   int
	closed    int
	refused   map[string]int
	latencies histogram
	warmUntil int64
	firstAt   int64
	lastAt    int64
}

// stream is one subscriber.
type stream struct {
	crowd    *crowd
	request  []byte
	key      string
	head     head
	count    int64
	verifier *verifier
	check    bool
}

func newCrowd(o *options, all bool) *crowd {
	return &crowd{o: o, loop: o.newLoop(), all: all, refused: map[string]int{}}
}

func (o *options) target(topic, query string) string {
	t := "/v1/stream?topic=" + url.QueryEscape(topic) + query
	if o.format == "value" {
		t += "&format=value"
	}
	return t
}

// topicOf lets each client have a topic of its own: a %d in the name is its number.
func (o *options) topicOf(client int) string {
	return strings.ReplaceAll(o.topic, "%d", strconv.Itoa(client))
}

func (o *options) streamRequest(topic, query string) []byte {
	accept := "application/x-ndjson"
	if o.format == "sse" {
		accept = "text/event-stream"
	}
	return getRequest(o.target(topic, query), o.address, accept, o.token)
}

// join adds a subscriber.
func (c *crowd) join(key string, check bool) {
	query := ""
	if key != "" {
		query = "&key=" + url.QueryEscape(key)
	}
	s := &stream{crowd: c, request: c.o.streamRequest(c.o.topicOf(len(c.streams)), query), key: key, check: check}
	c.streams = append(c.streams, s)
	c.loop.dial(s)
}

// measure connects everybody, says so, and reads until all have what they expect.
func (c *crowd) measure() crowdReport {
	deadline := c.o.deadline()
	c.loop.tick = func(now int64) {
		c.loop.finished = c.o.expect > 0 && c.reached == len(c.streams) ||
			c.firstAt > 0 && now-c.lastAt > quietNanos
	}
	completed := c.loop.run(deadline)
	return c.report(completed)
}

func (s *stream) opened(c *conn) { c.send(s.request) }

func (s *stream) writable(*conn) {}

func (s *stream) data(c *conn, b []byte, now int64) {
	if !s.head.done {
		rest, ok := s.head.take(b)
		if !ok || !s.accepted(c) {
			return
		}
		b = rest
	}
	if s.verifier != nil {
		s.verifier.feed(b)
	}
	if n := countRecords(b); n > 0 {
		s.crowd.took(s, n, b, now)
	}
}

func (s *stream) accepted(c *conn) bool {
	if s.head.status != 200 {
		s.crowd.refused[fmt.Sprint(s.head.status)]++
		c.close()
		return false
	}
	if s.check {
		s.verifier = newVerifier(s.head.chunked, s.key)
	}
	s.crowd.connected++
	if s.crowd.connected == len(s.crowd.streams) {
		ready()
	}
	return true
}

func (s *stream) closed(_ *conn, err error) {
	s.crowd.closed++
	if err != nil {
		s.crowd.refused[err.Error()]++
	}
}

func (c *crowd) took(s *stream, n int64, b []byte, now int64) {
	if c.firstAt == 0 {
		c.firstAt = now
		c.warmUntil = now + int64(c.o.warm*1e9)
	}
	c.lastAt = now
	if s.count < c.o.expect && s.count+n >= c.o.expect {
		c.reached++
	}
	s.count += n
	if c.all {
		eachStamp(b, func(t int64) { c.sample(t, now, 1) })
	} else if t, ok := firstStamp(b); ok {
		// All records of a read count as late as its oldest one: never flattering.
		c.sample(t, now, n)
	}
}

func (c *crowd) sample(stamp, now, weight int64) {
	if stamp >= c.warmUntil {
		c.latencies.add(now-stamp, weight)
	}
}

type crowdReport struct {
	Clients    int            `json:"clients"`
	Connected  int            `json:"connected"`
	Closed     int            `json:"closed"`
	Refused    map[string]int `json:"refused,omitempty"`
	Completed  bool           `json:"completed"`
	Delivered  int64          `json:"delivered"`
	Lost       int64          `json:"lost"`
	Extra      int64          `json:"extra"`
	Seconds    float64        `json:"seconds"`
	Deliveries float64        `json:"deliveries_per_s"`
	MBs        float64        `json:"mb_per_s"`
	PerRecord  float64        `json:"bytes_per_record"`
	PerRead    float64        `json:"bytes_per_read"`
	Checked    int64          `json:"checked_records"`
	Wrong      int64          `json:"wrong_records"`
	Notes      []string       `json:"notes,omitempty"`
	CPU        float64        `json:"loadgen_cpu_s"`
	latency
}

func (c *crowd) delivered() int64 {
	var n int64
	for _, s := range c.streams {
		n += s.count
	}
	return n
}

func (c *crowd) report(completed bool) crowdReport {
	r := crowdReport{
		Clients: len(c.streams), Connected: c.connected, Closed: c.closed, Refused: c.refused,
		Completed: completed, Seconds: seconds(c.lastAt - c.firstAt), CPU: cpuSeconds(),
		latency: c.latencies.report(), Delivered: c.delivered(),
	}
	for _, s := range c.streams {
		if c.o.expect > 0 {
			r.Lost += max(0, c.o.expect-s.count)
			r.Extra += max(0, s.count-c.o.expect)
		}
		if s.verifier != nil {
			r.Checked += s.verifier.records
			r.Wrong += s.verifier.wrong
			r.Notes = append(r.Notes, s.verifier.notes[:min(len(s.verifier.notes), maxNotes-min(maxNotes, len(r.Notes)))]...)
		}
	}
	r.Deliveries = ratio(float64(r.Delivered), r.Seconds)
	r.MBs = ratio(float64(c.loop.bytes)/1e6, r.Seconds)
	r.PerRecord = ratio(float64(c.loop.bytes), float64(r.Delivered))
	r.PerRead = ratio(float64(c.loop.bytes), float64(c.loop.reads))
	return r
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// fanout: many live subscribers of one topic, the oldest record of each read is timed.
func fanout(o *options) any { return subscribe(o, false) }

// everyLatency: the same, every record is timed.
func everyLatency(o *options) any { return subscribe(o, true) }

func subscribe(o *options, all bool) any {
	c := newCrowd(o, all)
	for i := range o.clients {
		c.join("", i < o.check)
	}
	return c.measure()
}

// keyed: each subscriber has its own key, and every record is checked to carry it.
func keyed(o *options) any {
	c := newCrowd(o, true)
	for i := range o.clients {
		c.join(fmt.Sprintf("user-%d", i), true)
	}
	return c.measure()
}

// idle: subscribers of a topic on which nothing happens, until the time is over.
func idle(o *options) any {
	c := newCrowd(o, false)
	for range o.clients {
		c.join("", false)
	}
	return c.measure()
}

// mute asks for a stream and never reads a byte of it.
type mute struct {
	request []byte
	cut     *int
}

func (m *mute) opened(c *conn) {
	c.send(m.request)
	c.watch(0)
}
func (m *mute) writable(*conn)                  {}
func (m *mute) data(c *conn, _ []byte, _ int64) {}
func (m *mute) closed(*conn, error)             { *m.cut++ }

// stalled: some connections never read while healthy ones are measured.
func stalled(o *options) any {
	c := newCrowd(o, true)
	cut := 0
	for range o.extra {
		c.loop.dial(&mute{request: o.streamRequest(o.topic, ""), cut: &cut})
	}
	for i := range o.clients {
		c.join("", i < o.check)
	}
	return struct {
		crowdReport
		Stalled int `json:"stalled"`
		Cut     int `json:"stalled_cut"`
	}{c.measure(), o.extra, cut}
}
