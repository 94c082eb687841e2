package main

import (
	"syscall"
	"time"
	"unsafe"
)

const clockMonotonic = 1

// The producer stamps records with CLOCK_MONOTONIC; Go's own monotonic reading has another origin, so the
// distance between the two is taken once and the cheap reading (no system call) is used afterwards.
var (
	clockStart  = time.Now()
	clockOrigin = kernelMonotonic()
)

func kernelMonotonic() int64 {
	var ts syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}

// monotonic is CLOCK_MONOTONIC in nanoseconds, the same clock as Python's time.monotonic_ns.
func monotonic() int64 { return clockOrigin + int64(time.Since(clockStart)) }

func seconds(nanos int64) float64 { return float64(nanos) / 1e9 }
