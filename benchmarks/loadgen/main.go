// Command loadgen plays the clients of one gateway on the machine it shares with it: one thread, one read
// buffer, records counted by counting a byte. Each subcommand prints one JSON object.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"syscall"
)

var commands = map[string]func(*options) any{
	"fanout":         fanout,
	"latency":        everyLatency,
	"keyed":          keyed,
	"read":           readAll,
	"herd":           herd,
	"produce-ndjson": produceStream,
	"produce-array":  produceArrays,
	"produce-single": produceSingles,
	"idle":           idle,
	"stalled":        stalled,
}

// options of all subcommands; each reads those it needs.
type options struct {
	address string
	token   string
	topic   string
	format  string
	clients int
	extra   int // stalled connections, or the herd
	expect  int64
	records int64
	batch   int
	back    int64
	check   int
	seconds float64
	warm    float64
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fail("usage: loadgen " + strings.Join(names(), "|") + " [options]")
	}
	debug.SetGCPercent(400)
	report := commands[os.Args[1]](parse(os.Args[1], os.Args[2:]))
	out, err := json.Marshal(report)
	check(err, "report")
	fmt.Println(string(out))
}

func parse(name string, args []string) *options {
	o := &options{}
	f := flag.NewFlagSet(name, flag.ExitOnError)
	f.StringVar(&o.address, "address", "127.0.0.1:8484", "the gateway's HOST:PORT")
	f.StringVar(&o.token, "token", "", "bearer token")
	f.StringVar(&o.topic, "topic", "bench", "topic")
	f.StringVar(&o.format, "format", "ndjson", "ndjson, sse or value")
	f.IntVar(&o.clients, "clients", 1000, "connections")
	f.IntVar(&o.extra, "extra", 0, "stalled: connections that never read; herd: clients that come back")
	f.Int64Var(&o.expect, "expect", 0, "records each subscriber must get; herd: records of the whole topic")
	f.Int64Var(&o.records, "records", 1_000_000, "records to read or produce")
	f.IntVar(&o.batch, "batch", 1000, "records in one array")
	f.Int64Var(&o.back, "back", 20_000, "herd: cursors lie in the last so many records")
	f.IntVar(&o.check, "check", 2, "streams of which every record is checked; herd: one of so many")
	f.Float64Var(&o.seconds, "seconds", 60, "give up (idle: leave) after")
	f.Float64Var(&o.warm, "warm", 1, "latencies of records made in the first seconds are not counted")
	check(f.Parse(args), "options")
	return o
}

func (o *options) newLoop() *loop {
	host, port, err := net.SplitHostPort(o.address)
	check(err, "address")
	number, err := strconv.Atoi(port)
	check(err, "port")
	ip := net.ParseIP(host).To4()
	if ip == nil {
		fail("address must be an IPv4 address: " + o.address)
	}
	return newLoop([4]byte(ip), number)
}

func (o *options) deadline() int64 { return monotonic() + int64(o.seconds*1e9) }

// ready tells the harness, on standard error, that the load may begin.
func ready() { fmt.Fprintln(os.Stderr, "ready") }

func names() []string {
	all := make([]string, 0, len(commands))
	for name := range commands {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}

// cpuSeconds is what this process has used, so that a report can show that it was not the limit.
func cpuSeconds() float64 {
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u), "getrusage")
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "loadgen: "+message)
	os.Exit(1)
}
