package main

import "math/bits"

const (
	subBits    = 7 // 128 steps in each power of two: an error of at most 0.8 %
	subBuckets = 1 << subBits
)

// histogram counts nanoseconds in log-linear buckets.
type histogram struct {
	buckets [64 * subBuckets]int64
	total   int64
	max     int64
}

func bucketOf(v int64) int {
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(uint64(v)) - subBits - 1
	return (shift+1)*subBuckets + int(v>>shift) - subBuckets
}

// bucketTop is the largest value that falls into a bucket, so percentiles never flatter.
func bucketTop(i int) int64 {
	if i < subBuckets {
		return int64(i)
	}
	shift := i/subBuckets - 1
	return (int64(i%subBuckets+subBuckets)+1)<<shift - 1
}

func (h *histogram) add(v, weight int64) {
	if v < 0 {
		v = 0
	}
	h.buckets[bucketOf(v)] += weight
	h.total += weight
	h.max = max(h.max, v)
}

func (h *histogram) percentile(p float64) int64 {
	want := int64(float64(h.total) * p / 100)
	var seen int64
	for i, n := range h.buckets {
		if seen += n; seen > want {
			return min(bucketTop(i), h.max)
		}
	}
	return h.max
}

// latency is a histogram as it is reported, in milliseconds.
type latency struct {
	Samples int64   `json:"samples"`
	P50     float64 `json:"p50_ms"`
	P90     float64 `json:"p90_ms"`
	P99     float64 `json:"p99_ms"`
	P999    float64 `json:"p999_ms"`
	Max     float64 `json:"max_ms"`
}

func (h *histogram) report() latency {
	ms := func(v int64) float64 { return float64(v/1000) / 1000 }
	return latency{h.total, ms(h.percentile(50)), ms(h.percentile(90)), ms(h.percentile(99)), ms(h.percentile(99.9)), ms(h.max)}
}
