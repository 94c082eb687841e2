package main

import (
	"fmt"
	"testing"
)

func TestPercentilesAreWithinOnePercent(t *testing.T) {
	var h histogram
	for v := int64(1); v <= 100_000; v++ {
		h.add(v*1000, 1)
	}
	for p, want := range map[float64]int64{50: 50_000_000, 99: 99_000_000} {
		if got := h.percentile(p); got < want || got > want*101/100 {
			t.Errorf("p%v = %d, want about %d", p, got, want)
		}
	}
}

func TestValuesAreOneHundredBytesWithOneStamp(t *testing.T) {
	v := value(nil, 7)
	stamp, ok := firstStamp(v)
	if len(v) != 100 || countRecords(v) != 1 || !ok || monotonic()-stamp > 1e9 {
		t.Errorf("%d bytes, %d marks: %s", len(v), countRecords(v), v)
	}
}

func TestCutStampIsNotRead(t *testing.T) {
	v := value(nil, 7)
	if _, ok := lastStamp(v[:10]); ok {
		t.Error("half a stamp was read")
	}
	if _, ok := lastStamp(append(v, v[:5]...)); !ok {
		t.Error("the whole stamp before a cut one was not found")
	}
}

func feedBytewise(v *verifier, text string) {
	for i := range len(text) {
		v.feed([]byte{text[i]})
	}
}

func TestVerifierFindsMissingOffset(t *testing.T) {
	v := newVerifier(false, "")
	feedBytewise(v, `{"topic":"a","partition":0,"offset":1,"value":"|"}`+"\n"+
		`{"cursor":"a:0@2"}`+"\n"+`{"topic":"a","partition":0,"offset":3,"value":"|"}`+"\n")
	if v.records != 2 || v.wrong != 1 {
		t.Errorf("%d records, %d wrong", v.records, v.wrong)
	}
}

func TestVerifierReadsChunkedEvents(t *testing.T) {
	v := newVerifier(true, "")
	event := "id: a:0@2\ndata: {\"topic\":\"a\",\"partition\":0,\"offset\":1,\"value\":\"|\"}\n\n"
	gap := "event: gap\ndata: {\"topic\":\"a\"}\n\n"
	feedBytewise(v, fmt.Sprintf("%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", len(event), event, len(gap), gap))
	if v.records != 1 || v.wrong != 1 {
		t.Errorf("%d records, %d wrong", v.records, v.wrong)
	}
}

func TestVerifierWantsItsOwnKey(t *testing.T) {
	v := newVerifier(false, "user-1")
	feedBytewise(v, `{"topic":"a","partition":0,"offset":1,"key":"user-1","value":"|"}`+"\n"+
		`{"topic":"a","partition":0,"offset":9,"key":"user-12","value":"|"}`+"\n")
	if v.records != 2 || v.wrong != 1 {
		t.Errorf("%d records, %d wrong", v.records, v.wrong)
	}
}

func TestResponseOfEitherFramingEnds(t *testing.T) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
	} {
		var r body
		var got []byte
		if !r.feed([]byte(text), func(b []byte) { got = append(got, b...) }) || string(got) != "ok" || r.head.status != 200 {
			t.Errorf("%d %q from %q", r.head.status, got, text)
		}
	}
}
