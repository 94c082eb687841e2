package main

import (
	"fmt"
	"net/url"
	"sort"
)

const (
	beforeNanos = int64(5e9)   // live readers alone, before the herd comes
	liveAge     = int64(250e6) // a reader is live when its newest record is younger: the fan-out's own limit
)

// herdRun is a crowd of live readers into which many others come back at once.
type herdRun struct {
	crowd     *crowd
	o         *options
	members   []*member
	before    histogram
	during    histogram
	startedAt int64
	tip       int64 // offset behind the newest record when the herd came
	live      int
	counted   int
	cut       int
	statuses  map[int]int
}

// member is one reader of the herd, with its own cursor.
type member struct {
	run      *herdRun
	start    int64
	check    bool
	head     head
	verifier *verifier
	count    int64
	liveAt   int64
	whole    bool
}

func (m *member) opened(c *conn) {
	cursor := fmt.Sprintf("%s:0@%d", m.run.o.topic, m.start)
	c.send(m.run.o.streamRequest(m.run.o.topic, "&from="+url.QueryEscape(cursor)))
}

func (m *member) writable(*conn) {}

func (m *member) data(c *conn, b []byte, now int64) {
	if !m.head.done {
		rest, ok := m.head.take(b)
		if !ok {
			return
		}
		if m.head.status != 200 {
			m.run.statuses[m.head.status]++
			c.close()
			return
		}
		if m.check {
			m.verifier = newVerifier(m.head.chunked, "")
			m.verifier.next[0] = m.start
		}
		b = rest
	}
	if m.verifier != nil {
		m.verifier.feed(b)
	}
	n := countRecords(b)
	if n == 0 {
		return
	}
	m.count += n
	if m.liveAt == 0 && m.start+m.count >= m.run.tip {
		m.arrive(b, now)
	}
	if !m.whole && m.start+m.count >= m.run.o.expect {
		m.whole = true
		m.run.counted++
	}
}

// arrive notes the moment a member has caught up: everything up to the tip, and something young.
func (m *member) arrive(b []byte, now int64) {
	if t, ok := lastStamp(b); ok && now-t <= liveAge {
		m.liveAt = now
		m.run.live++
	}
}

func (m *member) closed(*conn, error) { m.run.cut++ }

func (h *herdRun) tick(now int64) {
	c := h.crowd
	switch {
	case h.startedAt == 0 && c.firstAt > 0 && now-c.warmUntil >= beforeNanos:
		h.before, c.latencies = c.latencies, histogram{}
		h.come(now)
	case h.startedAt > 0 && h.during.total == 0 && h.live == len(h.members):
		h.during = c.latencies
	}
	c.loop.finished = h.startedAt > 0 && h.counted == len(h.members) || c.firstAt > 0 && now-c.lastAt > quietNanos
}

// come lets the whole herd connect at once, spread evenly over the last records.
func (h *herdRun) come(now int64) {
	h.startedAt = now
	for _, next := range h.crowd.streams[0].verifier.next {
		h.tip = next
	}
	h.crowd.loop.atOnce = h.o.extra
	for i := range h.o.extra {
		start := h.tip - h.o.back + int64(i)*h.o.back/int64(h.o.extra)
		m := &member{run: h, start: max(0, start), check: h.o.check > 0 && i%h.o.check == 0}
		h.members = append(h.members, m)
		h.crowd.loop.dial(m)
	}
}

// herd: -clients live readers, then -extra clients come back with -extra different cursors.
func herd(o *options) any {
	live := *o
	live.expect = 0 // they join while the topic goes on: their offsets are checked instead of their number
	h := &herdRun{crowd: newCrowd(&live, true), o: o, statuses: map[int]int{}}
	for range o.clients {
		h.crowd.join("", true)
	}
	h.crowd.loop.tick = h.tick
	return h.report(h.crowd.loop.run(o.deadline()))
}

func (h *herdRun) report(completed bool) any {
	var times []float64
	var lost, got, checked, wrong int64
	var notes []string
	for _, m := range h.members {
		got += m.count
		missing := h.o.expect - m.start - m.count
		lost += max(missing, -missing)
		if missing != 0 && len(notes) < maxNotes {
			notes = append(notes, fmt.Sprintf("from %d: %d records too few, live after %.3f s", m.start, missing,
				seconds(max(0, m.liveAt-h.startedAt))))
		}
		if m.verifier != nil {
			checked += m.verifier.records
			wrong += m.verifier.wrong
			notes = append(notes, m.verifier.notes[:min(len(m.verifier.notes), 2*maxNotes-min(len(notes), 2*maxNotes))]...)
		}
		if m.liveAt > 0 {
			times = append(times, seconds(m.liveAt-h.startedAt))
		}
	}
	sort.Float64s(times)
	at := func(p float64) float64 {
		if len(times) == 0 {
			return 0
		}
		return times[min(len(times)-1, int64Index(p, len(times)))]
	}
	return struct {
		Completed bool        `json:"completed"`
		Herd      int         `json:"herd"`
		Live      int         `json:"live"`
		Cut       int         `json:"cut"`
		Refused   map[int]int `json:"refused,omitempty"`
		Missed    int64       `json:"lost"`
		Checked   int64       `json:"checked_records"`
		Wrong     int64       `json:"wrong_records"`
		Notes     []string    `json:"notes,omitempty"`
		PerRecord float64     `json:"bytes_per_record"`
		Backlog   int64       `json:"backlog_records"`
		StartedAt int64       `json:"started_at_ns"`
		Median    float64     `json:"live_p50_s"`
		Ninety    float64     `json:"live_p90_s"`
		Last      float64     `json:"live_max_s"`
		Before    latency     `json:"before"`
		During    latency     `json:"during"`
		CPU       float64     `json:"loadgen_cpu_s"`
		Crowd     crowdReport `json:"live_readers"`
	}{
		completed, len(h.members), h.live, h.cut, h.statuses, lost, checked, wrong, notes,
		ratio(float64(h.crowd.loop.bytes), float64(got+h.crowd.delivered())), h.backlog(), h.startedAt,
		at(50), at(90), at(100), h.before.report(), h.during.report(), cpuSeconds(), h.crowd.report(completed),
	}
}

func int64Index(p float64, n int) int { return int(p / 100 * float64(n)) }

// backlog is how many records the herd had to catch up with when it came.
func (h *herdRun) backlog() int64 {
	var n int64
	for _, m := range h.members {
		n += h.tip - m.start
	}
	return n
}
