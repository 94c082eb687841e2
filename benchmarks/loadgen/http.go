package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// head collects a response's header block; body bytes that came with it are handed on.
type head struct {
	raw     []byte
	done    bool
	status  int
	chunked bool
	length  int // -1: not said
}

// take returns the bytes behind the header block, and whether the block is complete.
func (h *head) take(b []byte) ([]byte, bool) {
	if h.done {
		return b, true
	}
	h.raw = append(h.raw, b...)
	end := bytes.Index(h.raw, []byte("\r\n\r\n"))
	if end < 0 {
		return nil, false
	}
	rest := h.raw[end+4:]
	h.parse(string(h.raw[:end]))
	h.raw, h.done = nil, true
	return rest, true
}

func (h *head) parse(block string) {
	lines := strings.Split(block, "\r\n")
	if parts := strings.SplitN(lines[0], " ", 3); len(parts) > 1 {
		h.status, _ = strconv.Atoi(parts[1])
	}
	h.length, h.chunked = -1, false
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "content-length":
			h.length, _ = strconv.Atoi(value)
		case "transfer-encoding":
			h.chunked = strings.EqualFold(value, "chunked")
		}
	}
}

// dechunker takes the framing off a chunked body as it comes.
type dechunker struct {
	state byte // 0 size line, 1 data, 2 line end behind data, 3 ended
	size  int
	line  []byte
}

// feed hands every piece of body to f; true once the last chunk was seen.
func (d *dechunker) feed(b []byte, f func([]byte)) bool {
	for len(b) > 0 && d.state != 3 {
		switch d.state {
		case 1:
			n := min(d.size, len(b))
			f(b[:n])
			b, d.size = b[n:], d.size-n
			if d.size == 0 {
				d.state = 2
			}
		default:
			b = d.feedLine(b)
		}
	}
	return d.state == 3
}

func (d *dechunker) feedLine(b []byte) []byte {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		d.line = append(d.line, b...)
		return nil
	}
	d.line = append(d.line, b[:end]...)
	text := strings.TrimRight(string(d.line), "\r")
	d.line = d.line[:0]
	if d.state == 2 {
		d.state = 0
		return b[end+1:]
	}
	size, err := strconv.ParseInt(text, 16, 32)
	if err != nil {
		fail(fmt.Sprintf("not a chunk size: %q", text))
	}
	d.size, d.state = int(size), 1
	if size == 0 {
		d.state = 3
	}
	return b[end+1:]
}

// body is a response body of either framing.
type body struct {
	head   head
	chunks dechunker
	left   int
	began  bool
}

// feed hands body bytes to f; true when the response is complete.
func (r *body) feed(b []byte, f func([]byte)) bool {
	rest, ok := r.head.take(b)
	if !ok {
		return false
	}
	if r.head.chunked {
		return r.chunks.feed(rest, f)
	}
	if !r.began {
		r.began, r.left = true, r.head.length
	}
	f(rest)
	r.left -= len(rest)
	return r.head.length >= 0 && r.left <= 0
}

func getRequest(target, host, accept, token string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: %s\r\n", target, host, accept)
	if token != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", token)
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

func postHead(target, host, contentType, framing, token string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n%s\r\n", target, host, contentType, framing)
	if token != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", token)
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}
