package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"syscall"
)

const (
	blockLines  = 500 // about 56 KB, one chunk of the request body
	blocksReady = 32  // different ones in turn, so that compression finds no more than in real data
	blocksAhead = 4
)

// value appends one JSON value of exactly 100 bytes.
func value(b []byte, number int64) []byte {
	b = fmt.Appendf(b, `{"|t":%d,"n":%d,"x":"`, monotonic()+stampBase, number+1e9)
	for range valuePadding / 16 {
		b = fmt.Appendf(b, "%016x", rand.Uint64())
	}
	b = fmt.Appendf(b, "%016x", rand.Uint64())[:len(b)+valuePadding%16]
	return append(b, `"}`...)
}

const valuePadding = 100 - len(`{"|t":`) - stampDigits - len(`,"n":`) - 10 - len(`,"x":"`) - len(`"}`)

// uploader writes one endless NDJSON body and reads the answers while it writes.
type uploader struct {
	o       *options
	blocks  [][]byte
	left    int64
	ended   bool
	answer  body
	line    []byte
	acked   int64
	errors  int64
	notes   []string
	started int64
	done    int64
}

func (o *options) recordsTarget() string { return "/v1/topics/" + url.PathEscape(o.topic) + "/records" }

func (u *uploader) opened(c *conn) {
	u.started = monotonic()
	c.send(postHead(u.o.recordsTarget(), u.o.address, "application/x-ndjson", "Transfer-Encoding: chunked", u.o.token))
	c.watch(syscall.EPOLLIN | syscall.EPOLLOUT)
}

func (u *uploader) writable(c *conn) {
	for range blocksAhead {
		if c.fd < 0 || len(c.out) > 0 || u.ended {
			return
		}
		u.sendBlock(c)
	}
	if !u.ended && c.fd >= 0 {
		c.watch(syscall.EPOLLIN | syscall.EPOLLOUT)
	}
}

func (u *uploader) sendBlock(c *conn) {
	if u.left == 0 {
		u.ended = true
		c.send([]byte("0\r\n\r\n"))
		return
	}
	u.left -= blockLines
	c.send(u.blocks[u.left/blockLines%blocksReady])
}

func (u *uploader) data(c *conn, b []byte, now int64) {
	finished := u.answer.feed(b, u.lines)
	if u.answer.head.done && u.answer.head.status != 200 {
		u.note(fmt.Sprintf("status %d", u.answer.head.status))
	}
	if u.acked+u.errors >= u.o.records && u.done == 0 {
		u.done = now
	}
	if finished {
		c.close()
	}
}

func (u *uploader) lines(b []byte) {
	u.line = append(u.line, b...)
	for {
		end := bytes.IndexByte(u.line, '\n')
		if end < 0 {
			return
		}
		u.answerLine(u.line[:end])
		u.line = u.line[end+1:]
	}
}

func (u *uploader) answerLine(line []byte) {
	var a struct {
		Acked *int64          `json:"acked"`
		Error json.RawMessage `json:"error"`
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	if err := json.Unmarshal(line, &a); err != nil || a.Error != nil {
		u.errors++
		u.note(string(line))
	} else if a.Acked != nil {
		u.acked = *a.Acked
	}
}

func (u *uploader) note(text string) {
	if len(u.notes) < maxNotes {
		u.notes = append(u.notes, text[:min(len(text), 300)])
	}
}

func (u *uploader) closed(c *conn, err error) {
	if len(u.line) > 0 {
		u.answerLine(u.line)
	}
	if err != nil {
		u.note(err.Error())
	}
	c.loop.finished = true
}

func ndjsonBlocks() [][]byte {
	blocks := make([][]byte, blocksReady)
	for i := range blocks {
		var lines []byte
		for j := range blockLines {
			lines = append(value(append(lines, `{"value":`...), int64(i*blockLines+j)), "}\n"...)
		}
		blocks[i] = append(fmt.Appendf(nil, "%x\r\n", len(lines)), append(lines, "\r\n"...)...)
	}
	return blocks
}

// produceStream: one endless NDJSON body of -records records, timed to the last acknowledgement.
func produceStream(o *options) any {
	o.records -= o.records % blockLines
	l := o.newLoop()
	u := &uploader{o: o, blocks: ndjsonBlocks(), left: o.records}
	l.dial(u)
	completed := l.run(o.deadline())
	took := seconds(u.done - u.started)
	return struct {
		Completed bool     `json:"completed"`
		Records   int64    `json:"records"`
		Acked     int64    `json:"acked"`
		Errors    int64    `json:"errors"`
		Seconds   float64  `json:"seconds"`
		Rate      float64  `json:"records_per_s"`
		Notes     []string `json:"notes,omitempty"`
		CPU       float64  `json:"loadgen_cpu_s"`
	}{completed && u.acked == o.records, o.records, u.acked, u.errors, took, ratio(float64(u.acked), took), u.notes, cpuSeconds()}
}
