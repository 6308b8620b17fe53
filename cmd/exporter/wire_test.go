package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// message is one message between the program and its database.
type message struct {
	answer bool   // it comes from the server
	line   int    // number of the connection
	sql    string // of the statements that carry some
}

// wire lies between the program and its database and hands over every message
// by itself, so that a test can stop the world between any two. The messages of
// one connection come in turn, those of several side by side.
type wire struct {
	url    string // leads to the database through the wire
	server *pgx.ConnConfig
	watch  func(m message, pass func())
	lines  crowd // connections
	count  atomic.Int64
}

// newWire lays a wire to a database, until the test ends. It shows watch every
// message but rows, which come in one piece with what follows them; watch passes
// it on or does not.
func newWire(t *testing.T, target string, watch func(m message, pass func())) *wire {
	t.Helper()
	config, err := pgx.ParseConfig(target)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	through := url.URL{Scheme: "postgres", Host: listener.Addr().String(), Path: "/" + config.Database, RawQuery: "sslmode=disable"}
	through.User = url.User(config.User)
	if config.Password != "" {
		through.User = url.UserPassword(config.User, config.Password)
	}
	w := &wire{url: through.String(), server: config, watch: watch}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.accept(ctx, listener)
	}()
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		<-done
	})
	return w
}

func (w *wire) accept(ctx context.Context, listener net.Listener) {
	var lines sync.WaitGroup
	defer lines.Wait()
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		w.lines.come()
		lines.Go(func() {
			defer w.lines.leave()
			w.serve(ctx, client)
		})
	}
}

// serve carries the messages of one connection, and ends when both ends have let
// go of it: then the server has put an end to all that it did for the program.
func (w *wire) serve(ctx context.Context, client net.Conn) {
	defer client.Close()
	network, address := pgconn.NetworkAddress(w.server.Host, w.server.Port)
	server, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() {
		_ = client.Close()
		_ = server.Close()
	})()
	line := int(w.count.Add(1))

	var both sync.WaitGroup
	both.Go(func() {
		w.carry(message{line: line}, client, server)
		// The server is to see that the program is gone.
		if half, ok := server.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	})
	both.Go(func() {
		w.carry(message{line: line, answer: true}, server, client)
		_ = client.Close()
	})
	both.Wait()
}

// carry hands over the messages of one direction until there are no more. What
// the receiver does not take any more is read all the same: that the sender is
// through shows at the end of its words.
func (w *wire) carry(m message, from, to net.Conn) {
	in := bufio.NewReader(from)
	kindless := !m.answer // a program's first message has no kind
	for {
		raw, err := readMessage(in, kindless)
		if err != nil {
			return
		}
		m.sql = ""
		if !m.answer && !kindless {
			m.sql = sqlOf(raw)
		}
		kindless = false
		pass := func() { _, _ = to.Write(raw) }
		if m.answer && raw[0] == 'D' {
			pass()
		} else {
			w.watch(m, pass)
		}
	}
}

// readMessage reads one message as the protocol has it: its kind, its length
// without the kind, and the rest.
func readMessage(in *bufio.Reader, kindless bool) ([]byte, error) {
	start := 5
	if kindless {
		start = 4
	}
	head, err := in.Peek(start)
	if err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint32(head[start-4:]))
	if length < 4 || length > 1<<30 {
		return nil, errors.New("not a message of PostgreSQL")
	}
	raw := make([]byte, start-4+length)
	_, err = io.ReadFull(in, raw)
	return raw, err
}

// sqlOf is the text of a statement, where a message has one.
func sqlOf(raw []byte) string {
	body := raw[5:]
	switch raw[0] {
	case 'Q':
	case 'P': // behind a name
		_, body, _ = bytes.Cut(body, []byte{0})
	default:
		return ""
	}
	text, _, _ := bytes.Cut(body, []byte{0})
	return string(text)
}

// crowd counts those who are there.
type crowd struct {
	mu      sync.Mutex
	present int
	left    chan struct{} // closed when somebody leaves; nil where nobody waits
}

func (c *crowd) come() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.present++
}

func (c *crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.present--
	if c.left != nil {
		close(c.left)
		c.left = nil
	}
}

// atMost waits until no more than so many are there.
func (c *crowd) atMost(ctx context.Context, most int) error {
	for {
		c.mu.Lock()
		if c.present <= most {
			c.mu.Unlock()
			return nil
		}
		if c.left == nil {
			c.left = make(chan struct{})
		}
		left, present := c.left, c.present
		c.mu.Unlock()
		select {
		case <-left:
		case <-ctx.Done():
			return fmt.Errorf("%d connections are still open", present)
		}
	}
}
