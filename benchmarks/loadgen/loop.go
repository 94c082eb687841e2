package main

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"
)

const (
	readBuffer  = 256 << 10 // stays in the second-level cache; one for all connections
	tickMillis  = 5
	dialsAtOnce = 256 // below every server's listen backlog
)

// handler is what a connection does; every call comes from the one loop.
type handler interface {
	opened(c *conn)
	data(c *conn, b []byte, now int64)
	writable(c *conn)
	closed(c *conn, err error)
}

// conn is a non-blocking socket in the loop.
type conn struct {
	fd      int
	handler handler
	loop    *loop
	open    bool
	watched uint32
	out     [][]byte
}

// loop reads all sockets into one buffer from one thread: the least a client can do for a byte.
type loop struct {
	epoll    int
	address  syscall.SockaddrInet4
	conns    []*conn // by file descriptor
	queue    []*conn
	dialing  int
	atOnce   int
	bytes    int64
	reads    int64
	tick     func(now int64)
	buffer   []byte
	finished bool
}

func newLoop(host [4]byte, port int) *loop {
	runtime.LockOSThread()
	fd, err := syscall.EpollCreate1(0)
	check(err, "epoll_create")
	return &loop{
		epoll: fd, address: syscall.SockaddrInet4{Port: port, Addr: host},
		atOnce: dialsAtOnce, buffer: make([]byte, readBuffer),
	}
}

// dial queues a connection; at most atOnce of them are under way.
func (l *loop) dial(h handler) *conn {
	c := &conn{fd: -1, handler: h, loop: l}
	l.queue = append(l.queue, c)
	return c
}

func (l *loop) startDials() {
	for len(l.queue) > 0 && l.dialing < l.atOnce {
		c := l.queue[0]
		l.queue = l.queue[1:]
		l.connect(c)
	}
}

func (l *loop) connect(c *conn) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	check(err, "socket")
	check(syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1), "TCP_NODELAY")
	c.fd = fd
	for len(l.conns) <= fd {
		l.conns = append(l.conns, nil)
	}
	l.conns[fd] = c
	l.dialing++
	if err := syscall.Connect(fd, &l.address); err != nil && err != syscall.EINPROGRESS {
		l.drop(c, err)
		return
	}
	l.control(syscall.EPOLL_CTL_ADD, c, syscall.EPOLLIN|syscall.EPOLLOUT)
}

func (l *loop) control(op int, c *conn, events uint32) {
	c.watched = events
	check(syscall.EpollCtl(l.epoll, op, c.fd, &syscall.EpollEvent{Events: events, Fd: int32(c.fd)}), "epoll_ctl")
}

// watch changes what a connection waits for.
func (c *conn) watch(events uint32) {
	if c.fd >= 0 && c.watched != events {
		c.loop.control(syscall.EPOLL_CTL_MOD, c, events)
	}
}

func (l *loop) drop(c *conn, err error) {
	if c.fd < 0 {
		return
	}
	if !c.open {
		l.dialing--
	}
	syscall.Close(c.fd)
	l.conns[c.fd] = nil
	c.fd, c.open = -1, false
	c.handler.closed(c, err)
}

// run serves events until finished is set or the deadline has passed; false means the deadline.
func (l *loop) run(deadline int64) bool {
	events := make([]syscall.EpollEvent, 1024)
	nextTick := int64(0)
	for !l.finished {
		l.startDials()
		n, err := syscall.EpollWait(l.epoll, events, tickMillis)
		if err != nil && err != syscall.EINTR {
			check(err, "epoll_wait")
		}
		for i := range max(n, 0) {
			if c := l.conns[events[i].Fd]; c != nil {
				l.serve(c, events[i].Events)
			}
		}
		now := monotonic()
		if now >= nextTick {
			nextTick = now + tickMillis*1e6
			if l.tick != nil {
				l.tick(now)
			}
		}
		if now >= deadline {
			return false
		}
	}
	return true
}

func (l *loop) serve(c *conn, events uint32) {
	if events&syscall.EPOLLOUT != 0 {
		if !c.open && !l.connected(c) {
			return
		}
		if c.flush() {
			c.handler.writable(c)
		}
	}
	if c.fd >= 0 && events&(syscall.EPOLLIN|syscall.EPOLLHUP|syscall.EPOLLERR|syscall.EPOLLRDHUP) != 0 {
		l.receive(c)
	}
}

func (l *loop) connected(c *conn) bool {
	code, err := syscall.GetsockoptInt(c.fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	if err == nil && code != 0 {
		err = syscall.Errno(code)
	}
	if err != nil {
		l.drop(c, err)
		return false
	}
	l.dialing--
	c.open = true
	c.watch(syscall.EPOLLIN)
	c.handler.opened(c)
	return c.fd >= 0
}

// receive takes what is there with one raw call: the socket never blocks, so Go's scheduler need not know.
func (l *loop) receive(c *conn) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(c.fd), uintptr(unsafe.Pointer(&l.buffer[0])), readBuffer)
	switch {
	case errno == syscall.EAGAIN || errno == syscall.EINTR:
	case errno != 0:
		l.drop(c, errno)
	case n == 0:
		l.drop(c, nil)
	default:
		l.bytes += int64(n)
		l.reads++
		c.handler.data(c, l.buffer[:n], monotonic())
	}
}

// send queues bytes (which must not change until written) and writes what the kernel takes now.
func (c *conn) send(b []byte) {
	c.out = append(c.out, b)
	if len(c.out) == 1 {
		c.flush()
	}
}

// flush reports whether everything was written.
func (c *conn) flush() bool {
	for len(c.out) > 0 {
		b := c.out[0]
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(c.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		if errno == syscall.EAGAIN || errno == syscall.EINTR {
			c.watch(c.watched | syscall.EPOLLOUT)
			return false
		}
		if errno != 0 {
			c.loop.drop(c, errno)
			return false
		}
		if int(n) < len(b) {
			c.out[0] = b[n:]
			continue
		}
		c.out = c.out[1:]
	}
	c.out = nil
	c.watch(c.watched &^ syscall.EPOLLOUT)
	return true
}

func (c *conn) close() { c.loop.drop(c, nil) }

func check(err error, what string) {
	if err != nil {
		fail(fmt.Sprintf("%s: %v", what, err))
	}
}
