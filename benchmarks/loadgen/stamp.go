package main

import "bytes"

// Every value is a JSON object of exactly 100 bytes: {"|t":STAMP,"n":NUMBER,"x":"padding"}.
// The bar stands once in each value and nowhere else in any framing (cursors, chunk sizes, field names), so
// counting records is counting one byte, which vector instructions do at memory speed.
const (
	mark        = '|'
	stampDigits = 19          // monotonic nanoseconds + stampBase always have 19 digits
	stampBase   = int64(1e18) // and so all values have the same size
	stampSkip   = len(`|t":`) // from the mark to the first digit
	stampEnd    = stampSkip + stampDigits
)

var markBytes = []byte{mark}

func countRecords(b []byte) int64 { return int64(bytes.Count(b, markBytes)) }

// stampAt reads the stamp whose mark is at b[0]; false when the buffer ends inside it.
func stampAt(b []byte) (int64, bool) {
	if len(b) < stampEnd {
		return 0, false
	}
	var v int64
	for _, d := range b[stampSkip:stampEnd] {
		v = v*10 + int64(d-'0')
	}
	return v - stampBase, true
}

// firstStamp reads the oldest stamp of a buffer.
func firstStamp(b []byte) (int64, bool) {
	i := bytes.IndexByte(b, mark)
	if i < 0 {
		return 0, false
	}
	return stampAt(b[i:])
}

// lastStamp reads the youngest whole stamp of a buffer.
func lastStamp(b []byte) (int64, bool) {
	for end := len(b); ; {
		i := bytes.LastIndexByte(b[:end], mark)
		if i < 0 {
			return 0, false
		}
		if v, ok := stampAt(b[i:]); ok {
			return v, true
		}
		end = i
	}
}

// eachStamp calls f with every whole stamp of a buffer.
func eachStamp(b []byte, f func(int64)) {
	for {
		i := bytes.IndexByte(b, mark)
		if i < 0 {
			return
		}
		v, ok := stampAt(b[i:])
		if !ok {
			return
		}
		f(v)
		b = b[i+stampEnd:]
	}
}
