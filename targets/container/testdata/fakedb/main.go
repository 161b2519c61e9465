// Command fakedb stands in for a database in tests of pods: it listens on a TCP port and does what it is
// told, a line a command and a line an answer.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	port := flag.Int("port", 7001, "the TCP port to listen on; 0 to do nothing for ever")
	lines := flag.Int("lines", 0, "lines to log at the start, as errors")
	exit := flag.Int("exit", -1, "exit at once with that code")
	flag.Parse()
	for i := range *lines {
		fmt.Fprintf(os.Stderr, "line %d\n", i+1)
	}
	if *exit >= 0 {
		os.Exit(*exit)
	}
	if *port == 0 {
		select {}
	}
	l, err := net.Listen("tcp", ":"+strconv.Itoa(*port))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("listening")
	db := &database{peers: map[string]net.Conn{}}
	for {
		conn, err := l.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go db.serve(conn)
	}
}

// database has the connections to peers, which clients open and use by name.
type database struct {
	mu    sync.Mutex
	peers map[string]net.Conn
}

func (d *database) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewScanner(conn)
	for in.Scan() {
		answer, err := d.do(strings.Fields(in.Text()))
		if err != nil {
			answer = "error: " + err.Error()
		}
		if _, err := fmt.Fprintln(conn, answer); err != nil {
			return
		}
	}
}

// patience bounds what is asked of peers.
const patience = 500 * time.Millisecond

func (d *database) do(words []string) (string, error) {
	words = append(words, "", "", "")
	switch words[0] {
	case "ping":
		return "pong", nil
	case "time":
		return strconv.FormatInt(time.Now().UnixNano(), 10), nil
	case "env":
		return os.Getenv(words[1]), nil
	case "host":
		return os.Hostname()
	case "dial": // a new connection to a peer, used once
		conn, err := net.DialTimeout("tcp", words[1], patience)
		if err != nil {
			return "", err
		}
		defer func() { _ = conn.Close() }()
		return ask(conn)
	case "open": // a connection to a peer that stays
		conn, err := net.DialTimeout("tcp", words[1], patience)
		if err != nil {
			return "", err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.peers[words[1]] = conn
		return "ok", nil
	case "use": // the connection that stays
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.peers[words[1]] == nil {
			return "", errors.New("no connection")
		}
		return ask(d.peers[words[1]])
	case "read":
		text, err := os.ReadFile(words[1])
		return string(text), err
	case "write", "sync":
		return "ok", write(words[1], words[2], words[0] == "sync")
	case "log":
		fmt.Println(words[1])
		return "ok", nil
	}
	return "", errors.New("what?")
}

// ask asks a peer whether it is there.
func ask(conn net.Conn) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(conn, "ping"); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(answer), err
}

func write(path, text string, sync bool) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	if sync {
		return f.Sync()
	}
	return nil
}
