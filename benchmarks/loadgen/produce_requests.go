package main

import (
	"bytes"
	"fmt"
)

// requester sends one request after another on a connection kept alive.
type requester struct {
	run     *requests
	answer  body
	in      []byte
	sentAt  int64
	payload int
}

// requests is what the connections of one measurement share.
type requests struct {
	o         *options
	bodies    [][]byte
	perBody   int64
	left      int64
	open      int
	stored    int64
	failed    int64
	statuses  map[int]int
	notes     []string
	latencies histogram
	startedAt int64
	lastAt    int64
}

func (r *requester) opened(c *conn) {
	r.run.open++
	if r.run.open == r.run.o.clients {
		r.run.startedAt = monotonic()
	}
	r.next(c)
}

func (r *requester) next(c *conn) {
	if r.run.left <= 0 {
		c.close()
		return
	}
	r.run.left -= r.run.perBody
	r.payload = (r.payload + 1) % len(r.run.bodies)
	r.answer, r.in = body{}, r.in[:0]
	r.sentAt = monotonic()
	c.send(r.run.bodies[r.payload])
}

func (r *requester) writable(*conn) {}

func (r *requester) data(c *conn, b []byte, now int64) {
	if !r.answer.feed(b, func(piece []byte) { r.in = append(r.in, piece...) }) {
		return
	}
	r.run.answered(&r.answer.head, r.in, now, now-r.sentAt)
	r.next(c)
}

func (r *requester) closed(c *conn, err error) {
	r.run.open--
	if err != nil && len(r.run.notes) < maxNotes {
		r.run.notes = append(r.run.notes, err.Error())
	}
	c.loop.finished = r.run.open == 0
}

func (q *requests) answered(h *head, answer []byte, now, took int64) {
	q.statuses[h.status]++
	ok := int64(bytes.Count(answer, []byte(`"offset"`)))
	q.stored += ok
	if ok != q.perBody {
		q.failed += q.perBody - ok
		if len(q.notes) < maxNotes {
			q.notes = append(q.notes, fmt.Sprintf("%d %s", h.status, answer[:min(len(answer), 300)]))
		}
	}
	q.lastAt = now
	q.latencies.add(took, 1)
}

func (o *options) requestOf(payload []byte) []byte {
	length := fmt.Sprintf("Content-Length: %d", len(payload))
	return append(postHead(o.recordsTarget(), o.address, "application/json", length, o.token), payload...)
}

func (q *requests) measure() any {
	l := q.o.newLoop()
	for i := range q.o.clients {
		l.dial(&requester{run: q, payload: i})
	}
	completed := l.run(q.o.deadline())
	took := seconds(q.lastAt - q.startedAt)
	return struct {
		Completed bool        `json:"completed"`
		Clients   int         `json:"clients"`
		Stored    int64       `json:"stored"`
		Failed    int64       `json:"failed"`
		Statuses  map[int]int `json:"statuses"`
		Seconds   float64     `json:"seconds"`
		Rate      float64     `json:"records_per_s"`
		Notes     []string    `json:"notes,omitempty"`
		CPU       float64     `json:"loadgen_cpu_s"`
		latency
	}{
		completed && q.failed == 0 && q.left <= 0, q.o.clients, q.stored, q.failed, q.statuses, took,
		ratio(float64(q.stored), took), q.notes, cpuSeconds(), q.latencies.report(),
	}
}

// produceArrays: -clients connections, each sending arrays of -batch records, -records in all.
func produceArrays(o *options) any {
	q := &requests{o: o, perBody: int64(o.batch), left: o.records, statuses: map[int]int{}}
	for i := range blocksReady {
		payload := []byte("[")
		for j := range o.batch {
			payload = append(value(append(payload, `{"value":`...), int64(i*o.batch+j)), "},"...)
		}
		payload[len(payload)-1] = ']'
		q.bodies = append(q.bodies, o.requestOf(payload))
	}
	return q.measure()
}

// produceSingles: -clients keep-alive connections, one record a request, -records in all.
func produceSingles(o *options) any {
	q := &requests{o: o, perBody: 1, left: o.records, statuses: map[int]int{}}
	for i := range int64(1000) {
		payload := append(value([]byte(`{"value":`), i), '}')
		q.bodies = append(q.bodies, o.requestOf(payload))
	}
	return q.measure()
}
