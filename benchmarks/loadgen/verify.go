package main

import (
	"bytes"
	"fmt"
	"strconv"
)

const maxNotes = 5 // what went wrong, a few examples are enough

// verifier reads every line of one stream: each partition's offsets must go up one by one (the producer is
// idempotent and not transactional, so there are no holes), and no gap or error may be announced.
type verifier struct {
	chunks  dechunker
	chunked bool
	carry   []byte
	event   string
	key     string // if set, each record must carry it and offsets may jump
	next    map[int64]int64
	records int64
	wrong   int64
	notes   []string
}

func newVerifier(chunked bool, key string) *verifier {
	return &verifier{chunked: chunked, key: key, next: map[int64]int64{}}
}

func (v *verifier) feed(b []byte) {
	if v.chunked {
		v.chunks.feed(b, v.lines)
	} else {
		v.lines(b)
	}
}

func (v *verifier) lines(b []byte) {
	for {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			v.carry = append(v.carry, b...)
			return
		}
		line := b[:end]
		if len(v.carry) > 0 {
			v.carry = append(v.carry, line...)
			line = v.carry
		}
		v.line(line)
		v.carry = v.carry[:0]
		b = b[end+1:]
	}
}

var (
	ssePrefix   = []byte("data: ")
	eventPrefix = []byte("event: ")
	topicMember = []byte(`{"topic"`)
)

func (v *verifier) line(line []byte) {
	switch {
	case len(line) == 0:
		v.event = ""
		return
	case bytes.HasPrefix(line, eventPrefix):
		v.event = string(line[len(eventPrefix):])
		return
	case bytes.HasPrefix(line, ssePrefix):
		line = line[len(ssePrefix):]
	case line[0] != '{': // id:, retry:, comments
		return
	}
	if v.event == "" && bytes.HasPrefix(line, topicMember) {
		v.record(line)
	} else if v.event != "" || !bytes.HasPrefix(line, []byte(`{"cursor"`)) {
		v.fault(line)
	}
}

func (v *verifier) record(line []byte) {
	partition, ok1 := number(line, `"partition":`)
	offset, ok2 := number(line, `"offset":`)
	want, seen := v.next[partition]
	v.records++
	if !ok1 || !ok2 || bytes.IndexByte(line, mark) < 0 {
		v.fault(line)
	} else if v.key != "" {
		if offset < want || !bytes.Contains(line, []byte(`"key":"`+v.key+`"`)) {
			v.fault(line)
		}
	} else if seen && offset != want {
		v.fault(fmt.Appendf(nil, "partition %d: offset %d where %d was due", partition, offset, want))
	}
	v.next[partition] = offset + 1
}

func (v *verifier) fault(line []byte) {
	v.wrong++
	if len(v.notes) < maxNotes {
		v.notes = append(v.notes, string(line[:min(len(line), 300)]))
	}
}

func number(line []byte, name string) (int64, bool) {
	i := bytes.Index(line, []byte(name))
	if i < 0 {
		return 0, false
	}
	i += len(name)
	for i < len(line) && line[i] == ' ' {
		i++
	}
	j := i
	for j < len(line) && line[j] >= '0' && line[j] <= '9' {
		j++
	}
	v, err := strconv.ParseInt(string(line[i:j]), 10, 64)
	return v, err == nil
}
