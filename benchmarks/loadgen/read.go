package main

import "fmt"

// reader takes one topic from its beginning as fast as it comes.
type reader struct {
	o        *options
	head     head
	verifier *verifier
	count    int64
	asked    int64
	firstAt  int64
	lastAt   int64
	status   int
	note     string
}

func (r *reader) opened(c *conn) {
	r.asked = monotonic()
	c.send(r.o.streamRequest(r.o.topic, "&from=beginning"))
}

func (r *reader) writable(*conn) {}

func (r *reader) data(c *conn, b []byte, now int64) {
	rest, ok := r.head.take(b)
	if !ok {
		return
	}
	r.status = r.head.status
	if r.status != 200 {
		r.note = string(rest)
		c.close()
		return
	}
	if r.o.check > 0 && r.o.format != "value" {
		if r.verifier == nil {
			r.verifier = newVerifier(r.head.chunked, "")
		}
		r.verifier.feed(rest)
	}
	n := countRecords(rest)
	if n == 0 {
		return
	}
	if r.firstAt == 0 {
		r.firstAt = now
	}
	r.count += n
	r.lastAt = now
	if r.count >= r.o.records {
		c.close()
	}
}

func (r *reader) closed(c *conn, err error) {
	if err != nil {
		r.note = fmt.Sprint(err)
	}
	c.loop.finished = true
}

// readAll: one client from the beginning to so many records; -check 0 counts only.
func readAll(o *options) any {
	l := o.newLoop()
	r := &reader{o: o}
	l.dial(r)
	completed := l.run(o.deadline())
	took := seconds(r.lastAt - r.firstAt)
	report := struct {
		Completed bool     `json:"completed"`
		Status    int      `json:"status"`
		Records   int64    `json:"records"`
		Seconds   float64  `json:"seconds"`
		First     float64  `json:"first_record_s"`
		Rate      float64  `json:"records_per_s"`
		MBs       float64  `json:"mb_per_s"`
		PerRead   float64  `json:"bytes_per_read"`
		Checked   int64    `json:"checked_records"`
		Wrong     int64    `json:"wrong_records"`
		Notes     []string `json:"notes,omitempty"`
		CPU       float64  `json:"loadgen_cpu_s"`
	}{
		Completed: completed && r.count >= o.records, Status: r.status, Records: r.count, Seconds: took,
		First: seconds(r.firstAt - r.asked), Rate: ratio(float64(r.count), took),
		MBs: ratio(float64(l.bytes)/1e6, took), PerRead: ratio(float64(l.bytes), float64(l.reads)), CPU: cpuSeconds(),
	}
	if r.verifier != nil {
		report.Checked, report.Wrong, report.Notes = r.verifier.records, r.verifier.wrong, r.verifier.notes
	}
	if r.note != "" {
		report.Notes = append(report.Notes, r.note)
	}
	return report
}
