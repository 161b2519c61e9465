// Package need says what a test needs of the machine it runs on. A machine that lacks it fails the test:
// green means that everything ran. Where something is lacking for good, the variable named by Without tells
// the tests to go without it.
package need

import (
	"context"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// Without is the environment variable that names what tests shall go without, separated by commas:
// "docker", "root".
const Without = "RASHOMON_TEST_WITHOUT"

// T is what a test is told through: a *testing.T.
type T interface {
	Helper()
	Log(args ...any)
	Fatalf(format string, args ...any)
}

// Root reports whether the test can go on as root. It fails the test where it should and cannot.
func Root(t T) bool {
	t.Helper()
	return must(t, "root", func() string {
		if os.Geteuid() == 0 {
			return ""
		}
		return "this is user " + os.Getenv("USER")
	})
}

// Docker reports whether the test can go on with a Docker engine. It fails the test where it should and
// cannot.
func Docker(t T) bool {
	t.Helper()
	return must(t, "docker", func() string {
		kind, address, found := strings.Cut(os.Getenv("DOCKER_HOST"), "://")
		if !found {
			kind, address = "unix", "/var/run/docker.sock"
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		conn, err := new(net.Dialer).DialContext(ctx, kind, address)
		if err != nil {
			return err.Error()
		}
		_ = conn.Close()
		return ""
	})
}

// must looks whether something is there, unless the tests are to go without it.
func must(t T, what string, lacks func() string) bool {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv(Without), ","), what) {
		t.Log("not run: " + Without + " has " + what)
		return false
	}
	if reason := lacks(); reason != "" {
		t.Fatalf("this test needs %s: %s. Set %s=%s to do without.", what, reason, Without, what)
	}
	return true
}
